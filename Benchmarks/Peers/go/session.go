package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/hashicorp/yamux"
	"github.com/xtaci/smux"
)

// session is what the two libraries have in common.
type session interface {
	open() (io.ReadWriteCloser, error)
	accept() (io.ReadWriteCloser, error)
}

// variant is a library and its settings; zero values are the library's defaults.
type variant struct {
	library      string
	window       uint
	version      int
	streamBuffer int
}

type yamuxSession struct{ *yamux.Session }

func (session yamuxSession) open() (io.ReadWriteCloser, error)   { return session.OpenStream() }
func (session yamuxSession) accept() (io.ReadWriteCloser, error) { return session.AcceptStream() }

type smuxSession struct{ *smux.Session }

func (session smuxSession) open() (io.ReadWriteCloser, error)   { return session.OpenStream() }
func (session smuxSession) accept() (io.ReadWriteCloser, error) { return session.AcceptStream() }

func (variant variant) yamuxConfig() *yamux.Config {
	config := yamux.DefaultConfig()
	config.LogOutput = nil
	config.Logger = log.New(os.Stderr, "", 0)
	if variant.window > 0 {
		config.MaxStreamWindowSize = uint32(variant.window)
	}
	return config
}

func (variant variant) smuxConfig() *smux.Config {
	config := smux.DefaultConfig()
	if variant.version > 0 {
		config.Version = variant.version
	}
	if variant.streamBuffer > 0 {
		config.MaxStreamBuffer = variant.streamBuffer
		if config.MaxReceiveBuffer < variant.streamBuffer {
			config.MaxReceiveBuffer = variant.streamBuffer
		}
	}
	return config
}

func (variant variant) client(connection net.Conn) (session, error) {
	switch variant.library {
	case "yamux":
		made, err := yamux.Client(connection, variant.yamuxConfig())
		return yamuxSession{made}, err
	case "smux":
		made, err := smux.Client(connection, variant.smuxConfig())
		return smuxSession{made}, err
	}
	return nil, fmt.Errorf("there is no library %s; choose yamux or smux", variant.library)
}

func (variant variant) server(connection net.Conn) (session, error) {
	switch variant.library {
	case "yamux":
		made, err := yamux.Server(connection, variant.yamuxConfig())
		return yamuxSession{made}, err
	case "smux":
		made, err := smux.Server(connection, variant.smuxConfig())
		return smuxSession{made}, err
	}
	return nil, fmt.Errorf("there is no library %s; choose yamux or smux", variant.library)
}
