package view

import (
	"rightful"
	"rightful/internal/engine"
)

// Checkup prints what the doctor found, one line for each thing, with what to do
// under those that are not well, and where in the config.
func (p *Printer) Checkup(file string, c *engine.Checkup) {
	p.line("%s", p.paint(strong, "examining what "+clean(file)+" names"))
	var rows [][]string
	for _, d := range c.Lines {
		rows = append(rows, []string{p.level(d.Level), clean(d.Place), clean(d.Says)})
		if d.Todo != "" {
			rows = append(rows, []string{"", clean(d.At), "-> " + clean(d.Todo)})
		}
	}
	p.table([]string{"", "PLACE", "WHAT WAS SEEN"}, rows)
	p.line("")
	if c.Healthy && c.Warnings == 0 {
		p.line("all is well")
		return
	}
	p.line("%d errors, %d warnings", c.Errors, c.Warnings)
}

func (p *Printer) level(l rightful.Level) string {
	switch l {
	case rightful.LevelError:
		return p.paint(red, string(l))
	case rightful.LevelWarning:
		return p.paint(yellow, string(l))
	}
	return p.paint(green, string(l))
}
