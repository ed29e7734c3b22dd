SET SESSION time_zone = '+00:00', timestamp = 1577934245.678;
INSERT INTO mariadb_only (id, u, un, j, ex) VALUES
  (1, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', '{}', 5),
  (2, 'ffffffff-ffff-1fff-bfff-ffffffffffff', '123e4567-e89b-12d3-a456-426655440000', '{"a":  1}', NULL),
  (3, NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL, 0),
  (4, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '[1]', 0);
