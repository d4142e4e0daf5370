SELECT count(DISTINCT channel) AS n_channels FROM events
