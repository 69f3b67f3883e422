package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
)

// The first byte of each stream says what the server is to do with it.
const (
	serviceExchange = 'x' // takes 1 KiB, answers with the same 1 KiB, ends
	serviceEcho     = 'e' // returns every byte that follows
	serviceSink     = 's' // counts the bytes that follow
	serviceConfirm  = 'c' // takes 8 bytes, a count; answers with the sinks' count once it has reached that
	serviceHeap     = 'h' // answers with 8 bytes, the heap in use
	serviceIdle     = 'i' // answers with one byte and stays open
)

const (
	blockBytes    = 64 << 10
	exchangeBytes = 1024
	echoBytes     = 64
)

// sinkCounter sums what all sinks took.
type sinkCounter struct {
	lock  sync.Mutex
	grown *sync.Cond
	count uint64
}

func (counter *sinkCounter) Write(bytes []byte) (int, error) {
	counter.lock.Lock()
	counter.count += uint64(len(bytes))
	counter.lock.Unlock()
	counter.grown.Broadcast()
	return len(bytes), nil
}

func (counter *sinkCounter) awaitCount(expected uint64) uint64 {
	counter.lock.Lock()
	defer counter.lock.Unlock()
	for counter.count < expected {
		counter.grown.Wait()
	}
	return counter.count
}

// heapBytes counts the stacks too: a goroutine that waits for a stream is part of what that stream costs.
func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var statistics runtime.MemStats
	runtime.ReadMemStats(&statistics)
	return statistics.HeapAlloc + statistics.StackInuse
}

func serve(port string, variant variant) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	check("cannot listen", err)
	fmt.Println("ready")
	counter := new(sinkCounter)
	counter.grown = sync.NewCond(&counter.lock)
	for {
		connection, err := listener.Accept()
		check("cannot accept", err)
		session, err := variant.server(connection)
		check("cannot begin a session", err)
		go func() {
			for {
				stream, err := session.accept()
				if err != nil {
					return
				}
				go serveStream(stream, counter)
			}
		}()
	}
}

func serveStream(stream io.ReadWriteCloser, counter *sinkCounter) {
	defer stream.Close()
	var service [1]byte
	if _, err := io.ReadFull(stream, service[:]); err != nil {
		return
	}
	var err error
	switch service[0] {
	case serviceSink:
		err = serveSink(stream, counter)
	case serviceEcho:
		err = serveEcho(stream)
	case serviceExchange:
		err = serveExchange(stream)
	case serviceConfirm:
		var count [8]byte
		if _, err = io.ReadFull(stream, count[:]); err == nil {
			err = answer(stream, counter.awaitCount(binary.BigEndian.Uint64(count[:])))
		}
	case serviceHeap:
		err = answer(stream, heapBytes())
	case serviceIdle:
		if _, err = stream.Write(service[:]); err == nil {
			_, err = stream.Read(service[:])
		}
	}
	// What went wrong shows at the client, which misses an answer; a client that has ended ends its streams with errors.
	_ = err
}

// Takes what the library offers: smux hands its own buffers over, yamux copies into this one.
func serveSink(stream io.ReadWriteCloser, counter *sinkCounter) error {
	_, err := io.CopyBuffer(counter, stream, make([]byte, blockBytes))
	return err
}

func serveEcho(stream io.ReadWriteCloser) error {
	bytes := make([]byte, 4096)
	for {
		count, err := stream.Read(bytes)
		if err != nil {
			return err
		}
		if _, err := stream.Write(bytes[:count]); err != nil {
			return err
		}
	}
}

// The answer is read until its end before the stream is closed: closing one direction of smux closes both.
func serveExchange(stream io.ReadWriteCloser) error {
	var bytes [exchangeBytes]byte
	bytes[0] = serviceExchange
	if _, err := io.ReadFull(stream, bytes[1:]); err != nil {
		return err
	}
	_, err := stream.Write(bytes[:])
	return err
}

func answer(stream io.ReadWriteCloser, count uint64) error {
	var bytes [8]byte
	binary.BigEndian.PutUint64(bytes[:], count)
	if _, err := stream.Write(bytes[:]); err != nil {
		return err
	}
	// The client closes first; see serveExchange.
	_, err := stream.Read(bytes[:1])
	return err
}
