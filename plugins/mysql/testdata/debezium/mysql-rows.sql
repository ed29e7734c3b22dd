SET SESSION time_zone = '+00:00';
INSERT INTO mysql_only VALUES
  (1, JSON_OBJECT('date', DATE '2015-01-15', 'time', TIME '23:24:25.12', 'time0', TIME '23:24:25', 'neg', TIME '-01:02:03.5', 'datetime', TIMESTAMP '2015-01-15 23:24:25.12', 'datetime0', TIMESTAMP '2015-01-15 23:24:25',
      'decimal', CAST(12345.6700 AS DECIMAL(12,4)), 'big', CAST(123456789012345678901234567890.5 AS DECIMAL(40,1)), 'int', CAST(7 AS DECIMAL(5,0)), 'negdec', CAST(-0.05 AS DECIMAL(5,2)), 'double', 1e0, 'bit', b'101', 'blob', x'01ff', 'year', 2024),
   '中文😀', ST_GeomFromText('POINT(1 2)', 4326), 5, '{"x": [1.0, 2]}', ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')),
  (2, NULL, NULL, NULL, NULL, NULL, NULL),
  (3, JSON_ARRAY(UNIX_TIMESTAMP('2015-01-15 23:24:25'), CAST('2015-01-15' AS DATE), CAST(0 AS UNSIGNED), CAST(18446744073709551615 AS UNSIGNED), 1e300, -1e-300, CAST('12:00:00.000001' AS TIME(6))), 'ascii', ST_GeomFromText('POINT(-90 180)', 4326), -1, '1', NULL),
  (4, CAST(CAST('2015-01-15 23:24:25.5' AS DATETIME(6)) AS JSON), NULL, NULL, 0, CAST(CAST(1.10 AS DECIMAL(5,2)) AS JSON), NULL),
  (5, CONCAT('{"big": [', REPEAT('{"key one": "some text", "n": 123456}, ', 2000), '0]}'), NULL, NULL, 0, NULL, NULL);
-- MariaDB's driver for Java cannot read the year 0.
INSERT INTO years VALUES (1, 0), (2, NULL), (3, '0'), (4, 99), (5, 69), (6, 70), (7, 2155);
