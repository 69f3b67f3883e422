import DWCPCore
import Foundation
import NIOCore
import Testing

/// SPEC appendix C is what two engines say, byte for byte.
@Suite struct FramingSuiteWorkedBytes {
  @Test("a handshake, one stream and a close are the bytes of SPEC appendix C")
  func workedBytes() throws {
    let written = try appendixC()
    let spoken = try flights().map { hex($0) }
    #expect(spoken == Array(written.prefix(5)))
  }

  @Test("the single frames of SPEC appendix C are what it says they are (SPEC HDR-1, CONV-1)")
  func singleFrames() throws {
    let hex = try #require(try appendixC().last)
    var input = ByteBuffer(bytes: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0] + bytes(ofHex: hex))
    var lister = FrameLister()
    var lines: [String] = []
    while let line = try lister.next(&input) { lines.append(String(line.drop { $0 != " " }.dropFirst())) }
    #expect(lister.unfinishedByteCount == 0)
    #expect(
      lines.dropFirst() == [
        "ACK, 8 bytes, checked, 3", "CREDIT, stream 1, 8 bytes, checked, 4194304",
        "STOP, stream 1, 4 bytes, checked, CANCELLED", "RESET, stream 1, 12 bytes, checked, CANCELLED, 6",
        "GOAWAY, 14 bytes, checked, SHUTDOWN, 7", "CLOSE, 41 bytes, checked, PROTOCOL",
        "REFUSE, 29 bytes, checked, NO_COMMON_CODEC",
        "DATA, stream 3, 21 bytes, checked, offset 0, none, 3 raw bytes, 2 marks, EOM",
        "OPEN, stream 5, 0 bytes, checked",
      ])
  }

  private func bytes(ofHex hex: String) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
  }

  /// What goes over the wire, one flight after the other, the initiator's first.
  private func flights() throws -> [ByteBuffer] {
    var configuration = SessionConfiguration()
    configuration.implementationName = "example"
    configuration.compression = .fixed(.none)
    let start = Instant(nanoseconds: 0)
    var initiatorBytes = CountingGenerator(next: 0x00)
    var acceptorBytes = CountingGenerator(next: 0x80)
    var initiator = Peer(
      session: Session(
        role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &initiatorBytes), now: start))
    var acceptor = Peer(
      session: Session(
        role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &acceptorBytes), now: start))
    var flights: [ByteBuffer] = []
    func fly(_ sender: inout Peer, _ receiver: inout Peer) {
      flights.append(sender.transmit(now: start))
      receiver.receive(flights[flights.count - 1], now: start)
    }
    fly(&initiator, &acceptor)
    fly(&acceptor, &initiator)
    let id = try initiator.session.open(StreamOpening(metadata: ["service": "echo"]))
    _ = try initiator.session.write(ByteBuffer(string: "hello"), to: id, endsMessage: true)
    try initiator.session.finish(id)
    fly(&initiator, &acceptor)
    #expect(acceptor.readAll(id).bytes == Array("hello".utf8))
    _ = try acceptor.session.write(ByteBuffer(string: "hello"), to: id, endsMessage: true)
    try acceptor.session.finish(id)
    acceptor.session.release(id)
    fly(&acceptor, &initiator)
    #expect(initiator.readAll(id).end == .end)
    initiator.session.release(id)
    initiator.session.close(.noError, text: "")
    fly(&initiator, &acceptor)
    #expect(acceptor.session.wantsClose && acceptor.failure == nil)
    return flights
  }

  /// The fenced blocks of the appendix; everything behind a semicolon is for people.
  private func appendixC() throws -> [String] {
    let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
    let text = try String(contentsOfFile: path + "/SPEC.md", encoding: .utf8)
    guard let start = text.range(of: "## Appendix C") else { return [] }
    let parts = text[start.upperBound...].components(separatedBy: "```")
    return stride(from: 1, to: parts.count, by: 2).map { index in
      parts[index].split(separator: "\n").map { $0.prefix { $0 != ";" } }.joined().filter { $0 != " " }
    }
  }

  private func hex(_ bytes: ByteBuffer) -> String {
    bytes.readableBytesView.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// Bytes that count up, so that they can be told apart in a dump.
private struct CountingGenerator: RandomNumberGenerator {
  var value: UInt64

  init(next value: UInt64) {
    self.value = value
  }

  mutating func next() -> UInt64 {
    defer { value += 1 }
    return value
  }
}
