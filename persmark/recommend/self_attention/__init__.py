"""`self_attention`: trained in Keras, served by NumPy."""

from persmark.recommend.self_attention.recommender import SelfAttention, SelfAttentionSettings

__all__ = ["SelfAttention", "SelfAttentionSettings"]
