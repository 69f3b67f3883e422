import DWCPCore
import NIOCore

/// Where a flipped bit lies.
private enum Place {
  case preface, header, checkedBody, uncheckedBody
  /// In something that is no whole frame, or whose checks are wrong already.
  case stray
}

extension BaseRun {
  /// The frame that a step consists of, if it is one.
  private func frame(ofStep index: Int) -> WireFrame? {
    guard let piece = bytes[index], let frame = WireFrame(at: 0, in: piece) else { return nil }
    return frame.end == piece.readableBytes ? frame : nil
  }

  private func place(ofBit bit: Int, inStep index: Int, _ frame: WireFrame?) -> Place {
    if steps[index].what?.hasPrefix("preface") == true { return .preface }
    guard let frame else { return .stray }
    if bit / 8 < WireFrame.headerByteCount { return .header }
    return frame.isChecked ? .checkedBody : .uncheckedBody
  }

  /// SPEC HDR-1, HDR-3, PRE-6: every single flipped bit is found, and nothing of the frame it lies in is delivered.
  ///
  /// What carries on, and is listed here: bytes behind the end of the session, which nobody looks at; a preface's versions in front of a REFUSE
  /// or CLOSE, which are read whatever the versions (HS-7); a preface by itself, which HELLO will contradict; and bodies without a payload
  /// check, which is what integrity off means.
  func flipFailures() -> [String] {
    var failures: [String] = []
    for (index, piece) in bytes.enumerated() where index >= vector.sharedStepCount || vector.sharedStepCount < 2 {
      guard let piece else { continue }
      let wasOver = snapshots[index].hasEnded
      let frame = frame(ofStep: index)
      for bit in bits(of: index) {
        var replayer = replayer(before: index)
        replayer.receive(piece.flipping(bit: bit))
        let other = replayer.hasEnded ? replayer.observation() : finish(&replayer, after: index)
        if wasOver {
          if other != observed { failures.append("step \(index) bit \(bit), behind the end: \(other)") }
          continue
        }
        let place = place(ofBit: bit, inStep: index, frame)
        if let wrong = wrong(other, place, frame, step: index) {
          failures.append("step \(index) (\(steps[index].what ?? "")) bit \(bit): \(wrong): \(other)")
        }
      }
    }
    return failures
  }

  private func wrong(_ other: Observation, _ place: Place, _ frame: WireFrame?, step index: Int) -> String? {
    if place == .uncheckedBody { return nil }
    guard let failure = other.failure, !failure.isReportedByPeer else {
      let replacesHandshake = observed.events.count == 1 && observed.failure?.isReportedByPeer == true
      if place == .preface, other.events.isEmpty || (replacesHandshake && other == observed) { return nil }
      // What a vector breaks in a preface, one bit may put right.
      let isMended = observed.failure?.rule.hasPrefix("PRE-") == true && other.contents.isEmpty
      if isMended, place == .preface || place == .stray { return nil }
      return "not found"
    }
    guard begins(with: other) else { return "wrong events or data" }
    guard [.peer, .network].contains(failure.blame), failure.code.rawValue <= 0x19 else { return "wrong blame or code" }
    // Where the vector breaks a rule itself, the code of that rule is right too (CONV-5).
    if snapshots[index + 1].hasEnded, failure.code == observed.failure?.code { return nil }
    switch place {
    case .header: return failure.code == .headerCheck ? nil : "wrong code"
    case .checkedBody:
      // A block's extension is looked at while its payload is still on the way.
      let isEarly = frame?.type == WireFrame.data && [.frameSize, .protocol].contains(failure.code)
      return isEarly || failure.code == .payloadCheck ? nil : "wrong code"
    case .preface, .uncheckedBody, .stray: return nil
    }
  }

  /// As an attacker would: each bit is flipped and the checks made right again. The engine goes on within its limits or ends with a typed
  /// error; bits that SPEC calls unused change nothing.
  func repairedFlipFailures() -> [String] {
    var failures: [String] = []
    let limits = (vector.configuration ?? .init()).applied()
    for (index, piece) in bytes.enumerated() where index >= vector.sharedStepCount || vector.sharedStepCount < 2 {
      guard let piece, let frame = frame(ofStep: index), !snapshots[index].hasEnded else { continue }
      for bit in bits(of: index) where isWorthRepairing(bit / 8, frame) {
        var changed = piece.flipping(bit: bit)
        frame.repair(&changed)
        var replayer = replayer(before: index)
        replayer.receive(changed)
        replayer.flush()
        let other = finish(&replayer, after: index)
        var wrong = replayer.brokenLimits(limits, sentSince: snapshots[index].sent.count)
        if let failure = other.failure,
          failure.blame == .internal || (failure.rule.isEmpty && !failure.isReportedByPeer)
        {
          wrong.append("an error of its own: \(failure)")
        }
        if isUnused(bit: bit, frame), other != observed { wrong.append("an unused bit made a difference: \(other)") }
        failures += wrong.map { "step \(index) (\(steps[index].what ?? "")) bit \(bit), repaired: \($0)" }
      }
    }
    return failures
  }

  /// The checks themselves need no flipping: they are written anew.
  private func isWorthRepairing(_ byte: Int, _ frame: WireFrame) -> Bool {
    byte < frame.start + 12 || frame.bodyRange.contains(byte)
  }

  /// SPEC CONV-2, HDR-5, HDR-6, section 5: flag 0x40 outside DATA, everything in a frame that is skipped but its type, length and CHECK, nonces
  /// and tokens, the unused byte of REFUSE.
  private func isUnused(bit: Int, _ frame: WireFrame) -> Bool {
    let byte = bit / 8 - frame.start
    if byte == 1, bit % 8 == 1, frame.type != WireFrame.data { return true }
    let body = byte - WireFrame.headerByteCount
    switch frame.name {
    case "HELLO": return (8..<40).contains(body)
    case "WELCOME": return (36..<100).contains(body)
    case "REFUSE": return body == 7
    case "0xb0", "0xb3", "0xf0", "0xf5": return body >= 0 || (2..<8).contains(byte)
    default: return false
    }
  }
}

extension Replayer {
  /// SPEC MEM-1, CRD-2, STR-3: what holds whatever the other end does.
  func brokenLimits(_ limits: SessionConfiguration, sentSince start: Int) -> [String] {
    var broken: [String] = []
    if session.unreadUnitCount > limits.sessionWindowByteCount {
      broken.append("\(session.unreadUnitCount) units are held")
    }
    if UInt64(session.streamCount) > limits.maximumPeerStreamCount + 8 {
      broken.append("\(session.streamCount) streams are held")
    }
    var bytes = ByteBuffer()
    for part in sent[start...] { bytes.writeImmutableBuffer(part) }
    if WireFrame.all(in: bytes, hasPreface: start == 0) == nil {
      broken.append("what was sent is not a sequence of frames")
    }
    return broken
  }
}
