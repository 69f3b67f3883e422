// Moves the memory of something that runs: round after round goes what has changed since the one before, and when that is little, the rest while it is paused.
//
//   pre-copy                     a generated guest of 256 MiB, 20,000 page writes a second
//   pre-copy guest 512 50000     of 512 MiB, 50,000 page writes a second
//   pre-copy process PID         the writable memory of a process, up to 1 GiB
import DWCPCore
import DWCPNIO
import Foundation
import NIOCore

let maximumRounds = 12
/// The machine is paused when a round changed fewer bytes than go in about a hundredth of a second.
let fewBytes: UInt64 = 4 << 20
/// What is moved shares nothing with other machines that the session may carry.
enum Guest: CompressionDomain { static let number: UInt64 = 1 }
let memory = DomainObject<Guest>(number: 1)

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("pre-copy: \(message)\n".utf8))
  exit(64)
}

func makeMachine(_ arguments: [String]) throws -> any Machine {
  switch arguments.first {
  case nil: return GeneratedGuest(byteCount: 256 << 20, pagesPerSecond: 20_000)
  case "guest":
    guard arguments.count == 3, let size = Int(arguments[1]), let rate = Int(arguments[2]), (1...4_096).contains(size),
      rate >= 0
    else { fail("give mebibytes and page writes a second: pre-copy guest 512 50000") }
    return GeneratedGuest(byteCount: size << 20, pagesPerSecond: rate)
  case "process":
    guard arguments.count == 2, let number = Int32(arguments[1]) else {
      fail("give the number of a process: pre-copy process 4711")
    }
    return try RunningProcess(number: number, maximumByteCount: 1 << 30)
  default: fail("give nothing, or 'guest MEBIBYTES PAGES-PER-SECOND', or 'process PID'")
  }
}

struct Round {
  var changedByteCount: UInt64
  var wireByteCount: UInt64
  var seconds: Double
}

/// Sends the memory as it is; pages that the other end has already are found by comparison.
func send(_ machine: any Machine, over session: LiveSession) async throws -> Round {
  let start = ContinuousClock.now
  let before = try await session.counters()
  var snapshot = try machine.snapshot()
  let (_, version) = try await session.domain(Guest.self).withVersion(of: memory, byteCount: machine.byteCount) {
    stream in
    var offset = 0
    while let part = snapshot.readSlice(length: min(1 << 20, snapshot.readableBytes)), part.readableBytes > 0 {
      try await stream.writePages(part, at: offset)
      offset += part.readableBytes
    }
  }
  guard version > 0 else { throw SessionError.notKept }
  let after = try await session.counters()
  return Round(
    changedByteCount: after.rawBytesSent - before.rawBytesSent,
    wireByteCount: after.wireBytesSent - before.wireBytesSent, seconds: (ContinuousClock.now - start) / .seconds(1))
}

extension SessionError {
  static let notKept = SessionError(
    code: .internal, blame: .peer, rule: "BAS-5", message: "the destination did not keep what was sent; try again")
}

func show(_ name: String, _ round: Round) {
  let ratio = Double(round.changedByteCount) / Double(max(1, round.wireByteCount))
  print(
    String(
      format: "%@  %9.2f MiB changed  %9.3f MiB sent  ratio %7.1f  %7.3f s", name,
      Double(round.changedByteCount) / 1_048_576, Double(round.wireByteCount) / 1_048_576, ratio, round.seconds))
}

let machine = try makeMachine(Array(CommandLine.arguments.dropFirst()))
guard machine.byteCount > 0 else { fail("there is no memory to move") }
var configuration = TransportConfiguration()
configuration.logger.logLevel = .error
configuration.session.receiveObjectByteCount = UInt64(machine.byteCount) + 65_536

// The destination: it reads what comes, and the session keeps it.
try await withServer(host: "127.0.0.1", port: 0, configuration: configuration) { stream in
  while try await stream.read() != nil {}
  guard stream.opening["service"] == "digest" else { return }
  let held = try await stream.session.domain(Guest.self).content(of: memory, range: 0..<Int.max)
  let digest = held.map { ObjectImage($0.bytes).digest } ?? 0
  try await stream.write(ByteBuffer(integer: digest), endsMessage: true)
} body: { server in
  guard let port = server.localAddress?.port else { fail("cannot listen") }
  try await withSession(host: "127.0.0.1", port: port, configuration: configuration) { session in
    var rounds: [Round] = []
    while rounds.count < maximumRounds {
      let round = try await send(machine, over: session)
      rounds.append(round)
      show(String(format: "round %2d", rounds.count), round)
      if round.changedByteCount <= fewBytes { break }
      // It changes as fast as it is sent, and another round would find as much.
      if rounds.count > 2, round.changedByteCount * 10 > rounds[rounds.count - 2].changedByteCount * 9 { break }
    }
    let pause = ContinuousClock.now
    machine.pause()
    let last = try await send(machine, over: session)
    show("paused  ", last)
    let downtime = (ContinuousClock.now - pause) / .seconds(1)
    let here = ObjectImage(try machine.snapshot()).digest
    let there = try await session.withStream(StreamOpening(metadata: ["service": "digest"])) { stream in
      try await stream.finish()
      return try await stream.readMessage()?.getInteger(at: 0, as: UInt64.self)
    }
    machine.resume()
    let all = rounds + [last]
    let seconds = all.reduce(0) { $0 + $1.seconds }
    let changed = all.reduce(0) { $0 + $1.changedByteCount }
    let wire = all.reduce(0) { $0 + $1.wireByteCount }
    print(
      String(
        format: "%.0f MiB in %d rounds: %.2f MiB changed, %.2f MiB sent, downtime %.1f ms, effective rate %.0f MiB/s",
        Double(machine.byteCount) / 1_048_576, rounds.count, Double(changed) / 1_048_576, Double(wire) / 1_048_576,
        downtime * 1_000, Double(changed) / 1_048_576 / max(seconds, 1e-9)))
    guard here == there else { fail("the destination has other memory than the source") }
    print("the destination has the same memory")
  }
}
