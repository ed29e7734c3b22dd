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
