package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// benchmark runs benchmarks of a room, and returns their metrics: by name of the benchmark,
// then by unit.
func (o *settings) benchmark(ctx context.Context, room, pattern string, args ...string) (map[string]map[string]float64, error) {
	c := exec.CommandContext(ctx, "go", append([]string{"test", "rightful/" + room, "-run", "^$", "-bench", pattern, "-timeout", "60m"}, args...)...)
	c.Env = os.Environ()
	if o.database != "" {
		c.Env = append(c.Env, "RIGHTFUL_TEST_POSTGRES="+o.database)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go test %s: %w\n%s", room, err, out.Bytes())
	}
	metrics := parse(out.String())
	if len(metrics) == 0 {
		return nil, fmt.Errorf("go test %s measured nothing\n%s", room, out.Bytes())
	}
	return metrics, nil
}

// parse reads lines as go test prints them: Name-2  1  12 ns/op  3.4 unit ...
func parse(text string) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		if _, err := strconv.Atoi(f[1]); err != nil {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if at := strings.LastIndexByte(name, '-'); at > 0 {
			name = name[:at]
		}
		units := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				units[f[i+1]] = v
			}
		}
		all[name] = units
	}
	return all
}

// again measures an audit from a warm mirror beside one thread that selects the same
// columns; both are SQLite files.
func again(ctx context.Context, o *settings) ([]row, error) {
	all, err := o.benchmark(ctx, "internal/skim", "^BenchmarkAudit$", "-benchtime", "1x", "-skim.companies", strconv.Itoa(o.companies))
	if err != nil {
		return nil, err
	}
	m := all["Audit"]
	return []row{
		atMost("audit, beside a SELECT of the same columns", m["s"], m["floor-s"], 1.5, "s"),
		{what: "of processors together", measured: figure(m["cpu-s"], "s")},
		below("most memory", m["MiB"], 256, "MiB"),
	}, nil
}

// webhooks measures how many events are accepted, beside the bare insert, and judged.
func webhooks(ctx context.Context, o *settings) ([]row, error) {
	engine := "sqlite"
	if o.database != "" {
		engine = "postgres"
	}
	all, err := o.benchmark(ctx, "gateway", "^Benchmark(Accept|Judge)$/^"+engine+"$", "-benchtime", "5000x")
	if err != nil {
		return nil, err
	}
	accept, judge := all["Accept/"+engine], all["Judge/"+engine]
	rows := []row{
		atLeast("accepted durably, beside a bare verify-and-insert", accept["accepted/s"], accept["bare/s"], 0.8, "/s"),
		above("judged", judge["judged/s"], 1000, "/s"),
	}
	lag, err := o.lag(ctx)
	return append(rows, lag...), err
}
