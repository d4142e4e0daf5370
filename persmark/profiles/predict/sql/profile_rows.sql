-- The profiles of the asked users.
SELECT * FROM profiles_given
WHERE user_id >= $first AND user_id <= $last AND md5(user_id) < $below
ORDER BY user_id
