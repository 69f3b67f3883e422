package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type result map[string]interface{}

var workloads = map[string]func(session, options) result{
	"bulk": runBulk, "exchange": runExchange, "echo": runEcho, "idle": runIdle,
}

// source is 256 MiB of random bytes, walked through block by block, so that they come from memory and not from a cache.
var source []byte
var sourceBlock uint64

func makeSource() {
	source = make([]byte, 256<<20)
	state := uint64(0x9E3779B97F4A7C15)
	for index := 0; index < len(source); index += 8 {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		binary.LittleEndian.PutUint64(source[index:], state)
	}
}

func nextBlock() []byte {
	index := (atomic.AddUint64(&sourceBlock, 1) - 1) % uint64(len(source)/blockBytes)
	return source[index*blockBytes : (index+1)*blockBytes]
}

// span is what is measured.
type span struct {
	begin    time.Time
	cpuBegin float64
	options  options
}

func beginSpan(options options) span {
	return span{time.Now(), cpuSeconds(), options}
}

func (span span) isOver(done int64) bool {
	if span.options.count > 0 {
		return done >= span.options.count
	}
	return time.Since(span.begin).Seconds() >= span.options.seconds
}

func (span span) finish(figures result) result {
	figures["seconds"] = time.Since(span.begin).Seconds()
	figures["clientCPUSeconds"] = cpuSeconds() - span.cpuBegin
	return figures
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check("no processor time", syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

var exchangeMessage = func() []byte {
	message := make([]byte, exchangeBytes)
	for index := range message {
		message[index] = byte(index * 7)
	}
	message[0] = serviceExchange
	return message
}()

func exchange(session session) error {
	stream, err := session.open()
	if err != nil {
		return err
	}
	defer stream.Close()
	if _, err := stream.Write(exchangeMessage); err != nil {
		return err
	}
	var received [exchangeBytes]byte
	if _, err := io.ReadFull(stream, received[:]); err != nil {
		return err
	}
	if !bytes.Equal(received[:], exchangeMessage) {
		return fmt.Errorf("an answer differs from what was sent")
	}
	return nil
}

// ask opens a stream, sends a service's byte and what belongs to it, and reads the 8 bytes of the answer.
func ask(session session, message []byte) uint64 {
	stream, err := session.open()
	check("no stream", err)
	defer stream.Close()
	_, err = stream.Write(message)
	check("cannot ask", err)
	var count [8]byte
	_, err = io.ReadFull(stream, count[:])
	check("no answer", err)
	return binary.BigEndian.Uint64(count[:])
}

// bulk writes to streams until it is told to end.
type bulk struct {
	sent     uint64
	isOver   int32
	finished sync.WaitGroup
}

func (bulk *bulk) start(session session, streams int, isOver func() bool) {
	bulk.finished.Add(streams)
	for index := 0; index < streams; index++ {
		go func() {
			defer bulk.finished.Done()
			stream, err := session.open()
			check("no stream", err)
			_, err = stream.Write([]byte{serviceSink})
			check("cannot write", err)
			for !isOver() {
				count, err := stream.Write(nextBlock())
				atomic.AddUint64(&bulk.sent, uint64(count))
				check("cannot write", err)
			}
			// Not closed: smux would drop at the receiver what has not been read yet.
		}()
	}
}

// confirm returns what the server counted once it has everything.
func (bulk *bulk) confirm(session session) uint64 {
	bulk.finished.Wait()
	sent := atomic.LoadUint64(&bulk.sent)
	message := make([]byte, 9)
	message[0] = serviceConfirm
	binary.BigEndian.PutUint64(message[1:], sent)
	counted := ask(session, message)
	if counted != sent {
		fail("%d bytes were sent, %d arrived", sent, counted)
	}
	return counted
}

func runBulk(session session, options options) result {
	var bulk bulk
	span := beginSpan(options)
	bulk.start(session, options.streams, func() bool {
		return span.isOver(int64(atomic.LoadUint64(&bulk.sent) / blockBytes))
	})
	counted := bulk.confirm(session)
	seconds := time.Since(span.begin).Seconds()
	return span.finish(result{"bytesPerSecond": float64(counted) / seconds, "byteCount": counted})
}

func runExchange(session session, options options) result {
	var completed int64
	var finished sync.WaitGroup
	finished.Add(options.streams)
	span := beginSpan(options)
	for index := 0; index < options.streams; index++ {
		go func() {
			defer finished.Done()
			for !span.isOver(atomic.LoadInt64(&completed)) {
				check("an exchange failed", exchange(session))
				atomic.AddInt64(&completed, 1)
			}
		}()
	}
	finished.Wait()
	seconds := time.Since(span.begin).Seconds()
	return span.finish(result{"streamsPerSecond": float64(completed) / seconds, "streamCount": completed})
}

func runEcho(session session, options options) result {
	stream, err := session.open()
	check("no stream", err)
	_, err = stream.Write([]byte{serviceEcho})
	check("cannot write", err)
	var bulk bulk
	var latencies []int64
	var sent, received [echoBytes]byte
	span := beginSpan(options)
	bulk.start(session, options.streams, func() bool { return atomic.LoadInt32(&bulk.isOver) == 1 })
	for !span.isOver(int64(len(latencies))) {
		for index := range sent {
			sent[index] = byte(len(latencies) + index*31)
		}
		begin := time.Now()
		_, err := stream.Write(sent[:])
		check("cannot write", err)
		_, err = io.ReadFull(stream, received[:])
		check("no echo", err)
		latencies = append(latencies, time.Since(begin).Nanoseconds())
		if sent != received {
			fail("an echo differs from what was sent")
		}
	}
	atomic.StoreInt32(&bulk.isOver, 1)
	figures := result{"roundTripCount": len(latencies)}
	if options.streams > 0 {
		counted := bulk.confirm(session)
		figures["bulkByteCount"] = counted
		figures["bulkBytesPerSecond"] = float64(counted) / time.Since(span.begin).Seconds()
	}
	figures = span.finish(figures)
	sort.Slice(latencies, func(left, right int) bool { return latencies[left] < latencies[right] })
	percentile := func(share float64) float64 {
		rank := int(math.Ceil(share*float64(len(latencies)))) - 1
		return float64(latencies[rank]) / 1e3
	}
	figures["p50Microseconds"] = percentile(0.5)
	figures["p99Microseconds"] = percentile(0.99)
	figures["p999Microseconds"] = percentile(0.999)
	return figures
}

func runIdle(session session, options options) result {
	count := options.count
	if count == 0 {
		count = 10000
	}
	streams := make([]io.ReadWriteCloser, 0, count)
	serverBefore, clientBefore := ask(session, []byte{serviceHeap}), heapBytes()
	var tag [1]byte
	for int64(len(streams)) < count {
		stream, err := session.open()
		check("no stream", err)
		_, err = stream.Write([]byte{serviceIdle})
		check("cannot write", err)
		_, err = io.ReadFull(stream, tag[:])
		check("no answer", err)
		streams = append(streams, stream)
	}
	client := float64(heapBytes()) - float64(clientBefore)
	server := float64(ask(session, []byte{serviceHeap})) - float64(serverBefore)
	return result{
		"clientHeapBytesPerStream": client / float64(count), "serverHeapBytesPerStream": server / float64(count),
		"streamCount": len(streams),
	}
}
