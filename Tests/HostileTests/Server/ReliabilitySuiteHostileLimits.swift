import DWCPCore
import DWCPNIO
import Foundation
import HostileSimulation
import NIOCore
import Testing

extension ReliabilitySuiteHostile {
  /// A server that has all the sessions, or all the descriptors, that it may have.
  @Suite(.timeLimit(.minutes(1))) struct Limits {
    @Test(
      "connections above the limit of sessions are closed at once, and those that come when there is room are served")
    func sessions() async throws {
      var configuration = TransportConfiguration.tight
      configuration.maximumSessionCount = 2
      try await withHostileServer(configuration) { server, port in
        let first = try await RawPeer.connect(port: port)
        let second = try await RawPeer.connect(port: port)
        _ = await first.send { $0.hello() }
        _ = await second.send { $0.hello() }
        #expect(try await server.reaches(sessionCount: 2))
        let third = try await RawPeer.connect(port: port)
        #expect(try await third.lastWords() == nil)
        #expect(server.sessionCount == 2)
        await first.close()
        #expect(try await server.reaches(sessionCount: 1))
        try await withSession(host: "127.0.0.1", port: port, configuration: .tight) { try await exchange(1, over: $0) }
        await second.close()
      }
    }

    @Test("a server without descriptors waits for one instead of spinning, and then accepts")
    func descriptors() async throws {
      try await withHostileServer { server, port in
        // Connections of other tests linger for a second, and would free their descriptors.
        try await Task.sleep(for: .milliseconds(1_300))
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        let (isConnected, seconds, sessionCount) = exhausted(socket, port: port) { server.sessionCount }
        #expect(isConnected)
        #expect(sessionCount == 0, "the descriptor was not the last one")
        #expect(seconds < 0.25, "accepting took \(seconds) of 0.5 s")
        let isServed = try await server.reaches(sessionCount: 1)
        #expect(isServed)
      }
    }

    /// Connects while no new descriptor can be had, and watches for half a second. Synchronous, since the runtime wants descriptors for its timers.
    private func exhausted(
      _ socket: Int32, port: Int, _ count: () -> Int
    ) -> (isConnected: Bool, processSeconds: Double, sessionCount: Int) {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      var lowered = limit
      // A new descriptor gets the lowest number that is free, and none is below this one.
      let lowest = dup(socket)
      close(lowest)
      lowered.rlim_cur = rlim_t(lowest)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered)
      defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
      let isConnected = connect(socket, port: port)
      let before = processSeconds()
      usleep(500_000)
      return (isConnected, processSeconds() - before, count())
    }

    private func connect(_ socket: Int32, port: Int) -> Bool {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
    }

    /// Time on all cores.
    private func processSeconds() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
  }
}
