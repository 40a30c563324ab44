package cli

import (
	"fmt"
	"net"

	"rightful"
)

// checkListen refuses what is no address to listen on, in an error that shows one.
func checkListen(address, example string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return &rightful.Error{
			Kind: rightful.KindInvalid, Place: "--listen", Message: fmt.Sprintf("%.100q is no HOST:PORT", address),
			Hint: "name an address of this machine and a port, such as --listen " + example, Err: err,
		}
	}
	return nil
}

// listen opens an address. place says where it was written.
func listen(place, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &rightful.Error{
			Kind: rightful.KindUnavailable, Place: place, Message: "cannot listen on " + address + ": " + reason(err),
			Hint: "choose another HOST:PORT; --listen 127.0.0.1:0 takes a port that is free", Err: err,
		}
	}
	return l, nil
}
