"""The layers of a trained model as plain NumPy, so that serving needs no training library.

Each is equal to the Keras layer of that name to float32 rounding (1e-5 over whole models).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# As the Keras layers of the models are made.
NORM_EPSILON = 1e-6


def dense(inputs: Array, kernel: Array, bias: Array | None = None) -> Array:
    """inputs @ kernel + bias; any number of leading axes."""
    flat = inputs.reshape(-1, inputs.shape[-1]) @ kernel
    if bias is not None:
        flat += bias
    shaped: Array = flat.reshape(*inputs.shape[:-1], kernel.shape[-1])
    return shaped


def layer_norm(inputs: Array, gamma: Array, beta: Array) -> Array:
    """Each last axis to mean 0 and variance 1, then gamma and beta."""
    centred = inputs - inputs.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    normed: Array = centred / np.sqrt(variance + np.float32(NORM_EPSILON)) * gamma + beta
    return normed


def gelu(inputs: Array) -> Array:
    """x times the normal distribution's share below x, by its tanh approximation."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (inputs + np.float32(0.044715) * inputs**3)
    activated: Array = np.float32(0.5) * inputs * (1 + np.tanh(inner))
    return activated


def silu(inputs: Array) -> Array:
    """x times its logistic; no overflow at either end."""
    activated: Array = inputs * (np.float32(0.5) * (1 + np.tanh(inputs * np.float32(0.5))))
    return activated


def sigmoid(inputs: Array) -> Array:
    """The logistic function; no overflow at either end."""
    squashed: Array = np.float32(0.5) * (1 + np.tanh(inputs * np.float32(0.5)))
    return squashed


def softmax(scores: Array, mask: Mask | None = None) -> Array:
    """Softmax over the last axis among what the mask shows.

    Args:
        scores: (..., n).
        mask: Broadcasts to `scores`; what is False gets exactly 0, and a row without any True is all 0.
    """
    if mask is not None:
        scores = np.where(mask, scores, np.float32(-np.inf))
    top: Array = scores.max(axis=-1, keepdims=True)
    raised = np.exp(scores - np.where(np.isfinite(top), top, np.float32(0)))
    total = raised.sum(axis=-1, keepdims=True)
    shares: Array = (raised / np.where(total > 0, total, 1)).astype(np.float32, copy=False)
    return shares


def heads_apart(inputs: Array, n_heads: int) -> Array:
    """(n, length, width) -> (n, n_heads, length, width / n_heads)."""
    n, length, width = inputs.shape
    return inputs.reshape(n, length, n_heads, width // n_heads).transpose(0, 2, 1, 3)


def heads_together(inputs: Array) -> Array:
    """(n, n_heads, length, size) -> (n, length, n_heads * size)."""
    n, n_heads, length, size = inputs.shape
    return inputs.transpose(0, 2, 1, 3).reshape(n, length, n_heads * size)
