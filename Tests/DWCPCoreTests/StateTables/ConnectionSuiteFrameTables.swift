import NIOCore
import Testing

@testable import DWCPCore

/// Every type of frame in every situation of a session, for both ends (SPEC section 5, the table of states; sections 7 to 12).
///
/// A cell is `ok`, `established`, `end` (the other end ended the session), `ignored`, or the rule that the frame breaks there.
@Suite struct ConnectionSuiteFrameTables {
  private static let acceptor = StateTable(
    """
    frame      strange  handshake    open    stream  late    draining  closing  closed
    HELLO      !PRE-2   established  !HS-1   !HS-1   !HS-1   !HS-1     ignored  ignored
    WELCOME    !PRE-2   !HS-1        !HS-1   !HS-1   !HS-1   !HS-1     ignored  ignored
    REFUSE     !PRE-2   end          end     end     !HS-1   end       ignored  ignored
    PING       !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    PONG       !PRE-2   !HS-1        !LIV-1  !LIV-1  !LIV-1  !LIV-1    ignored  ignored
    ACK        !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    CREDIT     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    CREDIT.1   !PRE-2   !HS-1        !STR-5  ok      !STR-5  !STR-5    ignored  ignored
    STREAMS    !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    CLOSE      !PRE-2   end          end     end     end     end       ignored  ignored
    OPEN.1     !PRE-2   !HS-1        ok      !STR-5  ok      ok        ignored  ignored
    OPEN.2     !PRE-2   !HS-1        !STR-5  !STR-5  !STR-5  !STR-5    ignored  ignored
    DATA.1     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    DATA.2     !PRE-2   !HS-1        !STR-5  !STR-5  !STR-5  !STR-5    ignored  ignored
    RESET.1    !PRE-2   !HS-1        !STR-5  ok      !STR-5  !STR-5    ignored  ignored
    STOP.1     !PRE-2   !HS-1        !STR-5  ok      !STR-5  !STR-5    ignored  ignored
    GOAWAY     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    UPDATE     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    UPDATE_ACK !PRE-2   !HS-1        !UPD-1  !UPD-1  !UPD-1  !UPD-1    ignored  ignored
    DICTIONARY !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    ANSWER     !PRE-2   !HS-1        !DIC-1  !DIC-1  !DIC-1  !DIC-1    ignored  ignored
    RETIRED    !PRE-2   !HS-1        !DIC-2  !DIC-2  !DIC-2  !DIC-2    ignored  ignored
    STANDS     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    RELEASED   !PRE-2   !HS-1        !BAS-1  !BAS-1  !BAS-1  !BAS-1    ignored  ignored
    PRIORITY   !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    critical   !PRE-2   !HDR-6       !HDR-6  !HDR-6  !HDR-6  !HDR-6    ignored  ignored
    ignorable  !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    """)

  private static let initiator = StateTable(
    """
    frame      strange  handshake    open    stream  late    draining  closing  closed
    HELLO      !PRE-2   !HS-1        !HS-1   !HS-1   !HS-1   !HS-1     ignored  ignored
    WELCOME    !PRE-2   established  !HS-1   !HS-1   !HS-1   !HS-1     ignored  ignored
    REFUSE     !PRE-2   end          !HS-1   !HS-1   !HS-1   !HS-1     ignored  ignored
    PING       !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    PONG       !PRE-2   !HS-1        !LIV-1  !LIV-1  !LIV-1  !LIV-1    ignored  ignored
    ACK        !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    CREDIT     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    CREDIT.1   !PRE-2   !HS-1        !STR-5  ok      !STR-5  !STR-5    ignored  ignored
    STREAMS    !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    CLOSE      !PRE-2   !HS-1        end     end     end     end       ignored  ignored
    OPEN.1     !PRE-2   !HS-1        !STR-5  !STR-5  !STR-5  !STR-5    ignored  ignored
    OPEN.2     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    DATA.1     !PRE-2   !HS-1        !STR-5  ok      !STR-5  !STR-5    ignored  ignored
    DATA.2     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    RESET.1    !PRE-2   !HS-1        !STR-5  ok      !STR-5  !STR-5    ignored  ignored
    STOP.1     !PRE-2   !HS-1        !STR-5  ok      !STR-5  !STR-5    ignored  ignored
    GOAWAY     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    UPDATE     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    UPDATE_ACK !PRE-2   !HS-1        !UPD-1  !UPD-1  !UPD-1  !UPD-1    ignored  ignored
    DICTIONARY !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    ANSWER     !PRE-2   !HS-1        !DIC-1  !DIC-1  !DIC-1  !DIC-1    ignored  ignored
    RETIRED    !PRE-2   !HS-1        !DIC-2  !DIC-2  !DIC-2  !DIC-2    ignored  ignored
    STANDS     !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    RELEASED   !PRE-2   !HS-1        !BAS-1  !BAS-1  !BAS-1  !BAS-1    ignored  ignored
    PRIORITY   !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    critical   !PRE-2   !HDR-6       !HDR-6  !HDR-6  !HDR-6  !HDR-6    ignored  ignored
    ignorable  !PRE-2   !HS-1        ok      ok      ok      ok        ignored  ignored
    """)

  private enum Situation: String, CaseIterable {
    /// Nothing has come; the preface has; the handshake is complete; stream 1 is open; frames that are not early have come.
    case strange, handshake, open, stream, late
    case draining, closing, closed
  }

  private static let frames: [(name: String, type: UInt8, wire: WireBuilder)] = {
    let wire = WireBuilder()
    let number = bytes(UInt64(0))
    let refusal = bytes(UInt32(2)) + [3, 0, 0, 0] + bytes(UInt64(0)) + [0, 0, 0, 0, 0]
    let content = Array("content of a dictionary".utf8)
    let dictionary =
      bytes(UInt32(1)) + number + bytes(UInt32(content.count)) + bytes(UInt32(0))
      + ContentHash.sha256(of: content.span.bytes) + content
    return [
      ("PING", 0x04, wire.frame(0x04, number)), ("PONG", 0x05, wire.frame(0x05, bytes(UInt64(99)))),
      ("ACK", 0x06, wire.frame(0x06, number)), ("CREDIT", 0x07, wire.frame(0x07, number)),
      ("CREDIT.1", 0x07, wire.frame(0x07, stream: 1, number)), ("STREAMS", 0x08, wire.frame(0x08, number)),
      ("CLOSE", 0x09, wire.frame(0x09, bytes(UInt32(0)) + [0, 0])), ("REFUSE", 0x03, wire.frame(0x03, refusal)),
      ("OPEN.1", 0x40, wire.frame(0x40, stream: 1, [])), ("OPEN.2", 0x40, wire.frame(0x40, stream: 2, [])),
      ("DATA.1", 0x41, wire.data(stream: 1, [1, 2])), ("DATA.2", 0x41, wire.data(stream: 2, [1, 2])),
      ("RESET.1", 0x42, wire.frame(0x42, stream: 1, bytes(UInt32(17)) + number)),
      ("STOP.1", 0x43, wire.frame(0x43, stream: 1, bytes(UInt32(17)))),
      ("GOAWAY", 0x44, wire.frame(0x44, bytes(UInt32(20)) + number + [0, 0])),
      ("UPDATE", 0x45, wire.frame(0x45, bytes(UInt32(1)))),
      ("UPDATE_ACK", 0x0D, wire.frame(0x0D, bytes(UInt32(1)) + [0, 1, 0, 0, 0, 0] + number)),
      ("DICTIONARY", 0x46, wire.frame(0x46, dictionary)), ("ANSWER", 0x47, wire.frame(0x47, [0, 0, 0, 1, 1])),
      ("RETIRED", 0x47, wire.frame(0x47, [0, 0, 0, 1, 3])),
      ("STANDS", 0x48, wire.frame(0x48, [UInt8](repeating: 0, count: 32) + [1, 0, 0, 0])),
      ("RELEASED", 0x48, wire.frame(0x48, [UInt8](repeating: 0, count: 32) + [2, 0, 0, 0])),
      ("PRIORITY", 0xC0, wire.frame(0xC0, stream: 1, [0, 0, 0, 0])),
      ("critical", 0x30, wire.frame(0x30, [])), ("ignorable", 0xBA, wire.frame(0xBA, [])),
    ]
  }()

  @Test("the tables decide every frame type that has a shape, in every situation there is")
  func isComplete() {
    let names = Self.frames.map(\.name) + ["HELLO", "WELCOME"]
    for table in [Self.acceptor, Self.initiator] {
      #expect(table.problems(states: Situation.allCases.map(\.rawValue), inputs: names) == [])
    }
    let known = Set((UInt8.min...UInt8.max).filter { FrameType(rawValue: $0).shape != nil })
    #expect(known == Set(Self.frames.map(\.type) + [0x01, 0x02]).subtracting([0x30, 0xBA, 0xC0]))
    let phases = Set(Situation.allCases.map { Self.peer(.acceptor, in: $0).session.phase })
    #expect(phases == Set(Session.Phase.allCases))
  }

  @Test("each frame does in each situation what the table says", arguments: [Role.acceptor, .initiator])
  func cells(role: Role) {
    let (hello, welcome) = Self.handshakeFrames()
    var frames = ["HELLO": hello, "WELCOME": welcome]
    for frame in Self.frames { frames[frame.name] = frame.wire.bytes }
    let table = role == .acceptor ? Self.acceptor : Self.initiator
    for situation in Situation.allCases {
      for (name, bytes) in frames {
        let outcome = Self.outcome(of: bytes, at: Self.peer(role, in: situation))
        #expect(table[situation.rawValue, name] == outcome, "\(name) at the \(role) in \(situation)")
      }
    }
  }

  private static func outcome(of bytes: ByteBuffer, at before: Peer) -> String {
    var peer = before
    peer.receive(bytes, now: now)
    // What is ignored has crossed the link all the same.
    var session = peer.session
    session.counters.wireBytesReceived = before.session.counters.wireBytesReceived
    if session == before.session { return "ignored" }
    for event in peer.events.dropFirst(before.events.count) {
      if case .established = event { return "established" }
      guard case .ended(let error) = event else { continue }
      guard let error, !error.isReportedByPeer else { return "end" }
      return "!\(error.rule)"
    }
    return peer.session.phase == before.session.phase ? "ok" : "moved to \(peer.session.phase)"
  }

  private static let now = EnginePair().now

  /// HELLO and WELCOME as two real ends exchange them, without the prefaces.
  private static func handshakeFrames() -> (hello: ByteBuffer, welcome: ByteBuffer) {
    var pair = EnginePair()
    var first = pair.client.transmit(now: now)
    pair.server.receive(first, now: now)
    var answer = pair.server.transmit(now: now)
    first.moveReaderIndex(forwardBy: Preface.byteCount)
    answer.moveReaderIndex(forwardBy: Preface.byteCount)
    return (first, answer.readSlice(length: FrameHeader.byteCount + 4 + bodyByteCount(answer)) ?? answer)
  }

  private static func bodyByteCount(_ frame: ByteBuffer) -> Int {
    Int(frame.getInteger(at: frame.readerIndex + 8, as: UInt32.self) ?? 0)
  }

  private static func peer(_ role: Role, in situation: Situation) -> Peer {
    var pair = EnginePair()
    if ![.strange, .handshake].contains(situation) { pair.exchangeHandshakeOnly() }
    var peer = role == .acceptor ? pair.server : pair.client
    switch situation {
    case .strange: _ = peer.transmit(now: now)
    case .handshake:
      _ = peer.transmit(now: now)
      peer.receive(ByteBuffer(integer: Preface().packed), now: now)
    case .open: break
    case .stream where role == .acceptor: peer.receive(WireBuilder().frame(0x40, stream: 1, []).bytes, now: now)
    case .stream: _ = try? peer.session.open()
    case .late: peer.receive(WireBuilder().frame(0x08, bytes(UInt64(0))).bytes, now: now)
    case .draining: peer.session.drain(now: now)
    case .closing: peer.session.close(.noError, text: "")
    case .closed: peer.session.endOfInput()
    }
    peer.settle(now: now)
    return peer
  }
}

extension EnginePair {
  /// Prefaces, HELLO and WELCOME, and nothing behind them: each end has seen early frames only.
  fileprivate mutating func exchangeHandshakeOnly() {
    server.receive(client.transmit(now: now), now: now)
    client.receive(server.transmit(now: now), now: now)
  }
}
