package convert

// lru keeps the values that were used last, at most limit of them and at least one.
type lru[K comparable, V any] struct {
	limit int
	clock uint64
	slots map[K]*slot[V]
}

type slot[V any] struct {
	value V
	used  uint64
}

func newLRU[K comparable, V any](limit int) lru[K, V] {
	return lru[K, V]{limit: max(limit, 1), slots: map[K]*slot[V]{}}
}

// get returns the value of k, which now counts as the one used last.
func (c *lru[K, V]) get(k K) (v V, ok bool) {
	s := c.slots[k]
	if s == nil {
		return v, false
	}
	c.clock++
	s.used = c.clock
	return s.value, true
}

// put adds a value that is not there yet. When there is no room the one that was not used for longest goes: finding it
// costs less than making what is put here.
func (c *lru[K, V]) put(k K, v V) {
	if len(c.slots) >= c.limit {
		var oldest K
		least := c.clock + 1
		for k, s := range c.slots {
			if s.used < least {
				oldest, least = k, s.used
			}
		}
		delete(c.slots, oldest)
	}
	c.clock++
	c.slots[k] = &slot[V]{v, c.clock}
}

// recent is an lru that makes what it does not have, and has the value asked for last at hand: most records are like the one before.
type recent[K comparable, V any] struct {
	kept  lru[K, V]
	build func(K) (V, error)
	key   K
	value V
	have  bool
}

func newRecent[K comparable, V any](limit int, build func(K) (V, error)) recent[K, V] {
	return recent[K, V]{kept: newLRU[K, V](limit), build: build}
}

// get returns the value of k. After an error nothing is kept.
func (c *recent[K, V]) get(k K) (V, error) {
	if c.have && c.key == k {
		return c.value, nil
	}
	v, ok := c.kept.get(k)
	if !ok {
		var err error
		if v, err = c.build(k); err != nil {
			return v, err
		}
		c.kept.put(k, v)
	}
	c.key, c.value, c.have = k, v, true
	return v, nil
}
