package producer

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// identity is the producer id that the numbers of batches belong to. Each partition that begins takes it over.
type identity struct {
	id        int64 // none: there is none yet
	asking    bool
	tries     int
	notBefore time.Time
}

// identify asks for a producer id. It is a goroutine of its own.
func (p *Producer) identify() {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.ProducerID, req.ProducerEpoch = none, none
	resp, err := req.RequestWith(p.ctx, p.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	i := &p.identity
	i.asking = false
	switch {
	case err == nil:
		i.id, i.tries = resp.ProducerID, 0
	case definite(err):
		p.abandon(fmt.Errorf("no producer id, which enable.idempotence needs (permission IDEMPOTENT_WRITE on the cluster; or set producer.override.enable.idempotence=false): %w", err))
		i.tries = 0
	default:
		i.tries++
		i.notBefore = time.Now().Add(p.backoff(i.tries))
		p.complain(i.tries, "no producer id yet, trying again", "err", err)
	}
}
