package stripesim

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// err is the error of a rule as an answer.
func (r *FaultRule) err(executed bool) *apiError {
	return &apiError{status: r.Status, kind: r.Type, code: r.Code, message: r.Message, unexecuted: !executed,
		reason: r.Reason, nameless: r.Code == codeLockTimeout}
}

// failBefore is for faults that happen instead of the request.
func (x *exchange) failBefore() (status int, body []byte, failed bool) {
	f := x.fault
	if f == nil || f.AfterEffect || f.Kept {
		return 0, nil, false
	}
	switch f.Then {
	case FaultDrop:
		return 0, nil, true
	case FaultError:
		status, body = x.failFault()
		return status, body, true
	}
	return 0, nil, false
}

// failAfter is for faults that happen to the answer.
func (x *exchange) failAfter(status int, body []byte) (int, []byte) {
	f := x.fault
	if f == nil {
		return status, body
	}
	switch {
	case f.Then == FaultError && !f.Kept:
		return x.failFault()
	case f.Then == FaultError:
		x.dress()
	case f.Then == FaultTruncate:
		body = body[:min(f.Bytes, len(body))]
	}
	return status, body
}

// failFault answers with the error of the rule.
func (x *exchange) failFault() (int, []byte) {
	status, body := x.fail(x.fault.err(false))
	if x.fault.Body != "" {
		x.header.Set("Content-Type", "text/html")
		body = []byte(x.fault.Body)
	}
	x.dress()
	return status, body
}

// dress sets the headers of a rule.
func (x *exchange) dress() {
	for name, value := range x.fault.Headers {
		x.header.Set(name, value)
		if value == "" {
			x.header.Del(name)
		}
	}
}

// kept is the error that becomes the result of an execution, nil when the
// fault, if there is one, is of another sort.
func (r *FaultRule) kept() *apiError {
	if r == nil || !r.Kept {
		return nil
	}
	return r.err(true)
}

// run executes the operation of a call, under the lock of its account, as far
// as the fault lets it.
func (r *FaultRule) run(c *call) (json.RawMessage, *apiError) {
	if r == nil {
		return c.op.run(c)
	}
	switch {
	case r.Kept && !r.AfterEffect:
		return nil, r.err(true)
	case r.Then == FaultSamePage:
		for _, cursor := range []string{"starting_after", "ending_before", "page"} {
			delete(c.params.of, cursor)
		}
	case r.Then == FaultLose && c.op.writes:
		before := c.store().snapshot()
		body, err := c.op.run(c)
		c.store().restore(before)
		c.server.shareEndpoints(c.account)
		return body, err
	case r.Then == FaultLose && !c.op.lists && c.op.returns != nil:
		return nil, missing(http.StatusNotFound, c.op.returns.noun, c.id, c.op.returns.idParam, "")
	case r.Then == FaultDuplicate && c.op.writes:
		if _, err := c.op.run(c); err != nil {
			return nil, err
		}
	}
	body, err := c.op.run(c)
	if err == nil && c.op.lists {
		body = r.reshape(body)
	}
	return body, err
}

// reshape loses or doubles one object of a page. The last object is doubled
// and the first one lost, so that walking on from the last one goes on.
func (r *FaultRule) reshape(page json.RawMessage) json.RawMessage {
	if r.Then != FaultLose && r.Then != FaultDuplicate {
		return page
	}
	o := parseObject(page)
	items := elements(o.get("data"))
	if len(items) == 0 {
		return page
	}
	if r.Then == FaultLose {
		items = items[1:]
	} else {
		items = append(items, items[len(items)-1])
	}
	o.set("data", array(items))
	return o.raw()
}

// send writes the answer. A dropped connection ends the handler by panic, the
// way of net/http to close a connection without an answer.
func (x *exchange) send(w http.ResponseWriter, status int, body []byte) {
	f := x.fault
	if f == nil || f.Then != FaultTruncate && f.Body == "" {
		body = append(body[:len(body):len(body)], '\n')
	}
	if f != nil && f.Then == FaultDrop {
		if f.Bytes > 0 {
			w.Header().Set("Content-Length", strconv.Itoa(max(len(body), f.Bytes+1)))
			w.WriteHeader(status)
			_, _ = w.Write(body[:min(f.Bytes, len(body))])
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
