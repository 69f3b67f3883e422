// mux measures hashicorp/yamux and xtaci/smux with the scoreboard's workloads.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"time"
)

const usage = `usage: mux serve PORT [variant options]
       mux bulk|exchange|echo|idle HOST PORT [--seconds S | --count N] [--streams N] [variant options]
variant options: --library yamux|smux --window BYTES (yamux) --version 1|2 --stream-buffer BYTES (smux)
example: mux echo 127.0.0.1 7400 --seconds 2 --streams 1 --library yamux --window 16777216
`

type options struct {
	seconds float64
	count   int64 // 0 when the time decides
	streams int
	variant variant
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func check(what string, err error) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func exitWithUsage() {
	fmt.Fprint(os.Stderr, usage)
	os.Exit(64)
}

func parseOptions(arguments []string) options {
	var parsed options
	flags := flag.NewFlagSet("mux", flag.ContinueOnError)
	flags.Usage = exitWithUsage
	flags.Float64Var(&parsed.seconds, "seconds", 2, "")
	flags.Int64Var(&parsed.count, "count", 0, "")
	flags.IntVar(&parsed.streams, "streams", -1, "")
	flags.StringVar(&parsed.variant.library, "library", "yamux", "")
	flags.UintVar(&parsed.variant.window, "window", 0, "")
	flags.IntVar(&parsed.variant.version, "version", 0, "")
	flags.IntVar(&parsed.variant.streamBuffer, "stream-buffer", 0, "")
	if flags.Parse(arguments) != nil || flags.NArg() > 0 {
		exitWithUsage()
	}
	return parsed
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) >= 2 && arguments[0] == "serve" {
		serve(arguments[1], parseOptions(arguments[2:]).variant)
		return
	}
	if len(arguments) < 3 {
		exitWithUsage()
	}
	workload, address := arguments[0], net.JoinHostPort(arguments[1], arguments[2])
	parsed := parseOptions(arguments[3:])
	if parsed.streams < 0 {
		parsed.streams = 1
		if workload == "echo" {
			parsed.streams = 0
		}
	}
	work, isKnown := workloads[workload]
	if !isKnown {
		exitWithUsage()
	}
	if workload == "bulk" || workload == "echo" && parsed.streams > 0 {
		makeSource()
	}
	connection, err := net.DialTimeout("tcp", address, 10*time.Second)
	check("cannot connect", err)
	session, err := parsed.variant.client(connection)
	check("cannot begin a session", err)
	// Before the clock runs: this shows that the session works.
	check("the first exchange failed", exchange(session))
	check("the result cannot be printed", json.NewEncoder(os.Stdout).Encode(work(session, parsed)))
}
