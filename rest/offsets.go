package rest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
)

// offsetsExample is what the error messages show of a body that is right.
const offsetsExample = `{"offsets": [{"partition": {"filename": "/tmp/in.txt"}, "offset": {"position": 4}}]}`

// altered is the answer to a change of offsets. Clients read it as a map of strings.
type altered struct {
	Message string `json:"message"`
}

func (s *Server) getOffsets(c echo.Context, name string) error {
	offsets, err := s.herder.Offsets(c.Request().Context(), name)
	return reply(c, http.StatusOK, offsets, err)
}

func (s *Server) alterOffsets(c echo.Context, name string) error {
	offsets, err := readOffsets(c)
	if err != nil {
		return err
	}
	message, err := s.herder.AlterOffsets(c.Request().Context(), name, offsets)
	return reply(c, http.StatusOK, altered{message}, err)
}

// resetOffsets takes no body; one counts for nothing.
func (s *Server) resetOffsets(c echo.Context, name string) error {
	message, err := s.herder.ResetOffsets(c.Request().Context(), name)
	return reply(c, http.StatusOK, altered{message}, err)
}

// readOffsets reads the body of a change of offsets. The herder judges what is in partitions and offsets.
func readOffsets(c echo.Context) ([]herder.Offset, error) {
	members, err := readObject(c, offsetsExample)
	if err != nil {
		return nil, err
	}
	if err := fieldsOf(members, "the request body", "offsets"); err != nil {
		return nil, err
	}
	raw, ok := members["offsets"]
	if !ok {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, badRequest(`The field "offsets" of the request body must be an array; it is %s. A right body is %s.`, kindOf(raw), offsetsExample)
	}
	offsets := make([]herder.Offset, len(list))
	for i, element := range list {
		where := fmt.Sprintf(`element %d of "offsets"`, i)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(element, &members); err != nil || members == nil {
			return nil, badRequest("The %s must be an object; it is %s. A right body is %s.", where, kindOf(element), offsetsExample)
		}
		if err := fieldsOf(members, where, "partition", "offset"); err != nil {
			return nil, err
		}
		offsets[i] = herder.Offset{Partition: members["partition"], Offset: members["offset"]}
	}
	return offsets, nil
}
