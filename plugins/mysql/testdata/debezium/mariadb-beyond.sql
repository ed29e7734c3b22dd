-- Types whose tables Debezium's MariaDB connector cannot read: recorded from the server alone, to compare snapshot and stream.
CREATE TABLE mariadb_beyond (
  id INT PRIMARY KEY,
  i4 INET4, i6 INET6, i4n INET4 NOT NULL DEFAULT '127.0.0.1', cv VARCHAR(200) COMPRESSED, ct TEXT COMPRESSED, cb BLOB COMPRESSED, cvb VARBINARY(300) COMPRESSED
);
INSERT INTO mariadb_beyond (id, i4, i6, cv, ct, cb, cvb) VALUES
  (1, '0.0.0.0', '::', '', '', '', ''),
  (2, '255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', REPEAT('é', 150), REPEAT('text ', 300), REPEAT(x'00ff', 300), REPEAT(x'ab', 250)),
  (3, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, '192.0.2.1', '2001:db8::ff00:42:8329', 'short', 'short', 'short', 'short'),
  (5, '10.0.0.1', '::ffff:192.0.2.128', NULL, NULL, NULL, NULL),
  (6, '1.2.3.4', '::1.2.3.4', 'x', REPEAT('é', 30000), REPEAT('b', 60000), 'x'),
  (7, '1.2.3.4', '1:0:0:2:0:0:0:3', 'x', 'x', 'x', 'x'),
  (8, '1.2.3.4', '1:0:2:3:4:5:6:7', 'x', 'x', 'x', 'x');
CREATE TABLE versioned (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO versioned VALUES (1, 1), (2, 2);
UPDATE versioned SET v = 3 WHERE id = 1;
DELETE FROM versioned WHERE id = 2;

-- Which bytes a UUID has in a row depends on its version and variant.
CREATE TABLE uuids (id INT PRIMARY KEY, u UUID);
INSERT IGNORE INTO uuids VALUES
  (1, '01234567-89ab-1def-8123-456789abcdef'), (2, '01234567-89ab-2def-9123-456789abcdef'), (3, '01234567-89ab-4def-bfff-456789abcdef'), (4, '01234567-89ab-5def-a123-456789abcdef'),
  (5, '01234567-89ab-6def-8123-456789abcdef'), (6, '01234567-89ab-7def-8123-456789abcdef'), (7, '01234567-89ab-8def-8123-456789abcdef'), (8, '01234567-89ab-0def-8123-456789abcdef'),
  (9, '01234567-89ab-1def-0123-456789abcdef'), (10, '01234567-89ab-4def-c123-456789abcdef'), (11, '81234567-89ab-7def-4123-456789abcdef'), (12, '81234567-89ab-ffff-0123-456789abcdef'),
  (13, 'f1234567-89ab-1def-8123-456789abcdef'), (14, '01234567-89ab-00ef-8123-456789abcdef'), (15, '01234567-89ab-5fff-ffff-ffffffffffff'), (16, 'ffffffff-ffff-6000-8000-000000000000'),
  (17, '00000000-0000-1000-8000-000000000000'), (18, '80000000-0000-7000-0100-000000000000'), (19, '80000000-0000-7000-5f00-000000000000'), (20, '80000000-0000-7000-6000-000000000000');
