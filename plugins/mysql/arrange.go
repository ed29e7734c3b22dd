package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// arrange holds the number of captured tables against guardrail.collections.max, and puts those of a snapshot into the order that
// snapshot.tables.order.by.row.count wants.
func (t *task) arrange(ctx context.Context, captured int, ids []table.ID) ([]table.ID, error) {
	if err := t.guard(captured); err != nil {
		return nil, err
	}
	order := t.settings.snapshot.order
	if order == "disabled" || len(ids) < 2 {
		return ids, nil
	}
	rows, err := t.rowCounts(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(ids, func(a, b table.ID) int {
		if order == "descending" {
			a, b = b, a
		}
		return cmp.Compare(rows[a], rows[b])
	})
	return ids, nil
}

func (t *task) guard(captured int) error {
	most := t.settings.guardrail
	if most == 0 || captured <= most {
		return nil
	}
	err := fmt.Errorf("%s=%d: %d tables are captured; narrow %s, or raise it", keyGuardrailMax, most, captured, keyTableInclude)
	if t.settings.guardrailFails {
		return sdk.Fatal(err)
	}
	t.log.Warn(err.Error())
	return nil
}

// rowCounts returns about how many rows tables have, as the server estimates them.
func (t *task) rowCounts(ctx context.Context) (map[table.ID]int64, error) {
	rows, err := t.db.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES")
	if err != nil {
		return nil, fmt.Errorf("asking how many rows tables have: %w", err)
	}
	defer func() { _ = rows.Close() }()
	counts := map[table.ID]int64{}
	for rows.Next() {
		var id table.ID
		var n int64
		if err := rows.Scan(&id.Database, &id.Name, &n); err != nil {
			return nil, fmt.Errorf("asking how many rows tables have: %w", err)
		}
		counts[id] = n
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("asking how many rows tables have: %w", err)
	}
	return counts, nil
}
