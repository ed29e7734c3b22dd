package cli

import (
	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest"
)

// servers are those of the REST API, and of /admin where that has listeners of its own; otherwise nil. peers are nil for a worker
// that is alone.
func (c workerConfig) servers(h *herder.Herder, peers *rest.Peers, log hclog.Logger) (api, admin *rest.Server) {
	settings := rest.Settings{
		Herder: h, Peers: peers, Logger: log,
		AllowOrigin: c.String("access.control.allow.origin"), AllowMethods: c.String("access.control.allow.methods"),
		AdvertisedHosts: c.advertisedHosts(), Headers: c.headers,
	}
	if c.users != nil {
		settings.SignIn = c.users.signIn
	}
	if c.admin == adminWithAll {
		return rest.New(settings), nil
	}
	settings.Part = rest.WithoutAdmin
	api = rest.New(settings)
	if c.admin == adminApart {
		settings.Part = rest.AdminOnly
		admin = rest.New(settings)
	}
	return api, admin
}
