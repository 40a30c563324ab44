package state

import (
	"context"
	"database/sql"

	"rightful"
)

// BeatNode says that this process asks Stripe about an account, for some seconds on, and
// divides its pace by a number of processes. node tells processes apart. It returns how
// many there are.
func (s *Store) BeatNode(ctx context.Context, account string, livemode bool, node string, divides, seconds int64) (share rightful.NodeShare, err error) {
	err = s.briefly(ctx, func(ctx context.Context, tx *sql.Tx) error {
		share = rightful.NodeShare{Nodes: 1, Room: true}
		if _, err := s.exec(ctx, tx, `INSERT INTO rightful_nodes (account, livemode, node, process, until, divides) VALUES ($1, $2, $3, $4, `+s.clock()+` + $5, $6)
			ON CONFLICT (account, livemode, node) DO UPDATE SET until = excluded.until, divides = excluded.divides`, account, livemode, node, s.process, seconds, divides); err != nil {
			return err
		}
		// A node that comes at the same moment is not seen yet; it finds this one, and
		// takes nothing until this one has seen it.
		rows, err := tx.QueryContext(ctx, s.d.query(`SELECT process, divides FROM rightful_nodes WHERE account = $1 AND livemode = $2 AND node <> $3 AND until > `+s.clock()), account, livemode, node)
		if err != nil {
			return err
		}
		defer rows.Close()
		var others []int64
		for rows.Next() {
			var process string
			var by int64
			if err := rows.Scan(&process, &by); err != nil {
				return err
			}
			if !s.gone(process) {
				others = append(others, by)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		share.Nodes += len(others)
		for _, by := range others {
			share.Room = share.Room && by >= int64(share.Nodes)
		}
		_, err = s.exec(ctx, tx, `DELETE FROM rightful_nodes WHERE account = $1 AND livemode = $2 AND until < `+s.clock()+` - 600`, account, livemode)
		return err
	})
	return share, err
}

// LeaveNode says that this process asks nothing any more.
func (s *Store) LeaveNode(ctx context.Context, account string, livemode bool, node string) error {
	return s.briefly(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := s.exec(ctx, tx, `DELETE FROM rightful_nodes WHERE account = $1 AND livemode = $2 AND node = $3`, account, livemode, node)
		return err
	})
}
