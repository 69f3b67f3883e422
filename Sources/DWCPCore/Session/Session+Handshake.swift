internal import NIOCore

extension Session {
  /// Prepares the initiator's first bytes (SPEC PRE-1).
  mutating func queueHello() {
    let hello = Hello(
      prefaceEcho: configuration.preface.packed, nonce: secrets.nonce, announcement: local)
    configuration.preface.write(to: &outbox.handshake)
    queueHandshakeFrame(.hello) { hello.write(to: &$0) }
  }

  private mutating func queueHandshakeFrame(_ type: FrameType, _ writeBody: (inout ByteBuffer) -> Void) {
    outbox.handshake.writeFrame(type, isChecked: true, writeBody)
    counters.framesSent &+= 1
  }

  mutating func receivePreface(_ preface: Preface) throws(SessionError) {
    remotePreface = preface
    progress.apply(.preface)
    // An initiator reads on: REFUSE follows and says more (SPEC PRE-3).
    guard role == .acceptor else { return }
    guard configuration.preface.commonMinor(with: preface) != nil else { throw versionError(preface) }
    guard preface.linkKind == Preface.LinkKind.newSession else {
      throw .peer(.protocol, "PRE-5", "links of kind \(preface.linkKind) are not offered here")
    }
  }

  func versionError(_ preface: Preface) -> SessionError {
    SessionError(
      code: .version, blame: .peer, rule: "PRE-3",
      message: "no common version: this end speaks \(configuration.preface), the other end \(preface)",
      refusal: makeRefusal(code: .version, message: "no common version"))
  }

  mutating func receiveHello(_ body: inout ByteBuffer, now: Instant) throws(SessionError) {
    guard role == .acceptor, phase == .awaitingHandshake, let preface = remotePreface,
      let minor = configuration.preface.commonMinor(with: preface)
    else { throw .peer(.protocol, "HS-1", "HELLO came at the wrong time") }
    let hello = try Hello(reading: &body)
    guard hello.prefaceEcho == preface.packed else {
      throw .peer(.protocol, "PRE-6", "HELLO echoes another preface than the one that arrived")
    }
    try settle(with: hello.announcement)
    let isIntegrityOn = local.requiresIntegrity || remote.requiresIntegrity
    let welcome = Welcome(
      initiatorPrefaceEcho: preface.packed, acceptorPrefaceEcho: acceptorPreface.packed, minor: minor,
      isIntegrityOn: isIntegrityOn, sessionID: secrets.sessionID, token: secrets.token, nonce: secrets.nonce,
      announcement: local)
    queueAcceptorPreface()
    queueHandshakeFrame(.welcome) { welcome.write(to: &$0) }
    establish(minor: minor, isIntegrityOn: isIntegrityOn, sessionID: secrets.sessionID)
  }

  mutating func receiveWelcome(_ body: inout ByteBuffer) throws(SessionError) {
    guard role == .initiator, phase == .awaitingHandshake, let preface = remotePreface else {
      throw .peer(.protocol, "HS-1", "WELCOME came at the wrong time")
    }
    let welcome = try Welcome(reading: &body)
    guard welcome.initiatorPrefaceEcho == configuration.preface.packed, welcome.acceptorPrefaceEcho == preface.packed
    else { throw .peer(.protocol, "PRE-6", "WELCOME echoes other prefaces than those exchanged") }
    guard preface.linkKind == configuration.preface.linkKind else {
      throw .peer(.protocol, "PRE-5", "the acceptor's preface names another link kind")
    }
    guard let minor = configuration.preface.commonMinor(with: preface) else { throw versionError(preface) }
    guard welcome.minor == minor else {
      throw .peer(.version, "PRE-4", "minor \(welcome.minor) was chosen where \(minor) is the highest common one")
    }
    guard welcome.isIntegrityOn || !local.requiresIntegrity else {
      throw .peer(.policy, "HS-3", "the acceptor turned integrity off, which this end requires")
    }
    try settle(with: welcome.announcement)
    establish(minor: minor, isIntegrityOn: welcome.isIntegrityOn, sessionID: welcome.sessionID)
  }

  mutating func receiveRefuse(_ body: inout ByteBuffer) throws(SessionError) {
    let isEarlyEnough = !isActive || (role == .acceptor && !hasReceivedBeyondEarlyFrames)
    guard isEarlyEnough, remotePreface != nil else {
      throw .peer(.protocol, "HS-1", "REFUSE came after the handshake")
    }
    let refusal = try Refusal(reading: &body)
    // Nothing this end sent was or will be processed (SPEC HS-5).
    progress.apply(.over)
    noteEnd(
      SessionError(
        code: refusal.code, blame: .peer, rule: "", message: refusal.message, isReportedByPeer: true, refusal: refusal))
  }

  /// SPEC HS-4: takes the other end's announcement over, or refuses it.
  private mutating func settle(with announcement: Announcement) throws(SessionError) {
    remote = announcement
    remoteCodecs = Set(announcement.codecs)
    try checkPolicy(rule: "HS-4")
  }

  /// What this end's policy makes of the codecs that the other end decodes (SPEC HS-4, UPD-3).
  func checkPolicy(rule: String) throws(SessionError) {
    if remoteCodecs.isDisjoint(with: configuration.acceptableCodecs) {
      throw policyError(
        rule, .noCommonCodec, "no common codec: this end is willing to send \(names(configuration.acceptableCodecs))")
    }
    let missing = configuration.requiredCodecs.subtracting(remoteCodecs)
    if !missing.isEmpty {
      throw policyError(rule, .policy, "this end requires a peer that can decode \(names(missing))")
    }
  }

  private func names(_ codecs: Set<Codec>) -> String {
    codecs.sorted { $0.rawValue > $1.rawValue }.map(\.name).joined(separator: ", ")
  }

  private func policyError(_ rule: String, _ code: ErrorCode, _ message: String) -> SessionError {
    SessionError(
      code: code, blame: .peer, rule: rule, message: message, refusal: makeRefusal(code: code, message: message))
  }

  private mutating func establish(minor: UInt8, isIntegrityOn: Bool, sessionID: [UInt8]) {
    remoteCodecs.formIntersection(willingCodecs)
    let agreed = Agreement(
      minorVersion: minor, sendCodecs: remote.codecs.filter(remoteCodecs.contains), receiveCodecs: local.codecs,
      isIntegrityOn: isIntegrityOn, sessionID: sessionID, peerImplementation: remote.implementation)
    agreement = agreed
    counters.sessionsOpened &+= 1
    progress.apply(.settled)
    liveness.begin(
      localMilliseconds: local.idleTimeoutMilliseconds, remoteMilliseconds: remote.idleTimeoutMilliseconds)
    sendCredit.raise(to: remote.sessionCredit)
    for id in streams.ids {
      guard let slot = streams.slot(of: id) else { continue }
      streams[slot: slot].send.raiseCredit(to: remote.streamCredit)
      wake(at: slot)
    }
    events.append(.established(agreed))
  }

  /// Codecs this end sends with, as far as the other end decodes them.
  var willingCodecs: Set<Codec> { configuration.acceptableCodecs.union([.none]) }

  private var acceptorPreface: Preface {
    var preface = configuration.preface
    preface.linkKind = remotePreface?.linkKind ?? preface.linkKind
    return preface
  }

  private mutating func queueAcceptorPreface() {
    guard role == .acceptor, !outbox.hasSentPreface else { return }
    outbox.hasSentPreface = true
    acceptorPreface.write(to: &outbox.handshake)
  }

  func makeRefusal(code: ErrorCode, message: String) -> Refusal {
    Refusal(
      code: code, refuserVersions: configuration.preface, refusedVersions: remotePreface ?? Preface(major: 0),
      refuserCodecIDs: local.codecIDs, refusedCodecIDs: Array(remoteCodecIDsRead.prefix(32)),
      requiredCodecIDs: requiredCodecIDs, message: message)
  }

  /// What HELLO or WELCOME announced; empty before it was read.
  private var remoteCodecIDsRead: [UInt8] { remoteCodecs.isEmpty ? [] : remote.codecIDs }

  private var requiredCodecIDs: [UInt8] {
    let willing = configuration.acceptableCodecs.contains(.none) ? [] : configuration.acceptableCodecs
    return configuration.requiredCodecs.union(willing).map(\.rawValue).sorted(by: >)
  }

  /// Answers a failed handshake (SPEC PRE-2, PRE-3, HS-4, HS-6): REFUSE where the other end can understand it, else nothing.
  mutating func queueRefusal(_ error: SessionError) {
    guard remotePreface != nil else {
      outbox.handshake.clear()
      progress.apply(.over)
      return
    }
    queueAcceptorPreface()
    let refusal = error.refusal ?? makeRefusal(code: error.code, message: "\(error.rule): \(error.message)")
    queueHandshakeFrame(.refuse) { refusal.write(to: &$0) }
  }
}
