-- RFM quintiles of the users with an order: 5 is best. Every order is total, so the same events give
-- the same scores; equal values are told apart by user_id, and not by recency, which would leave no
-- recent user with a low frequency score.
CREATE TEMP TABLE scores AS
WITH numbered AS (
    SELECT *, row_number() OVER (ORDER BY user_id) AS buyer_no FROM buyers
),
worth AS (
    SELECT buyer_no, ntile(5) OVER (ORDER BY monetary, buyer_no) AS m_score
    FROM numbered
    WHERE monetary IS NOT NULL
),
quintiles AS (
    SELECT
        numbered.user_id,
        ntile(5) OVER (ORDER BY last_purchase_time, numbered.buyer_no) AS r_score,
        ntile(5) OVER (ORDER BY n_purchases, numbered.buyer_no) AS f_score,
        m_score
    FROM numbered
    LEFT JOIN worth ON worth.buyer_no = numbered.buyer_no
),
joined AS (
    SELECT
        *,
        -- The mean of frequency and money, halves up; frequency alone where no event has a value.
        CAST(floor(CAST(f_score + coalesce(m_score, f_score) + 1 AS DOUBLE) / 2.0) AS INTEGER) AS fm_score
    FROM quintiles
)
SELECT
    user_id,
    CAST(r_score AS INTEGER) AS r_score,
    CAST(f_score AS INTEGER) AS f_score,
    CAST(m_score AS INTEGER) AS m_score,
    CASE
        WHEN r_score = 5 AND fm_score >= 4 THEN 'champions'
        WHEN r_score >= 3 AND fm_score >= 4 THEN 'loyal'
        WHEN r_score <= 2 AND fm_score = 5 THEN 'cannot_lose'
        WHEN r_score <= 2 AND fm_score >= 3 THEN 'at_risk'
        WHEN r_score >= 4 AND fm_score >= 2 THEN 'potential_loyalist'
        WHEN r_score = 5 THEN 'new_users'
        WHEN r_score = 4 THEN 'promising'
        WHEN r_score = 3 AND fm_score = 3 THEN 'need_attention'
        WHEN r_score = 3 THEN 'about_to_sleep'
        WHEN r_score = 2 THEN 'hibernating'
        ELSE 'lost'
    END AS rfm_segment
FROM joined
