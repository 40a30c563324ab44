package testserver

// Nobody is an address of this machine where nobody listens: no process that asks for
// any free port is given this one. The port of a listener that was closed may be
// somebody else's a moment later.
const Nobody = "127.0.0.1:1"
