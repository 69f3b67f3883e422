internal import Foundation

/// One blocking TCP connection; waiting ends at a deadline.
final class Connection {
  enum Arrival {
    case bytes([UInt8])
    case end
    case nothing
  }

  private let descriptor: Int32

  init(host: String, port: Int, deadline: ContinuousClock.Instant) throws(CaseFailure) {
    descriptor = try Self.connect(host: host, port: port, deadline: deadline)
  }

  deinit { close(descriptor) }

  private static func connect(
    host: String, port: Int, deadline: ContinuousClock.Instant
  ) throws(CaseFailure) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = streamType
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0 else {
      throw CaseFailure("a connection to \(host):\(port)", came: "the name is not known")
    }
    defer { freeaddrinfo(list) }
    var reason = "no address"
    var next = list
    while let address = next?.pointee {
      let descriptor = socket(address.ai_family, streamType, 0)
      if open(descriptor, address, deadline) { return descriptor }
      reason = String(cString: strerror(errno))
      close(descriptor)
      next = address.ai_next
    }
    throw CaseFailure("a connection to \(host):\(port)", came: reason)
  }

  private static func open(_ descriptor: Int32, _ address: addrinfo, _ deadline: ContinuousClock.Instant) -> Bool {
    guard descriptor >= 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { return false }
    var one: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
    #if !os(Linux)
      setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &one, size)
    #endif
    if Foundation.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return true }
    guard errno == EINPROGRESS, wait(descriptor, Int16(POLLOUT), until: deadline) else { return false }
    var failure: Int32 = 0
    var length = size
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
    errno = failure
    return failure == 0
  }

  private static func wait(_ descriptor: Int32, _ events: Int16, until deadline: ContinuousClock.Instant) -> Bool {
    while true {
      let left = deadline - ContinuousClock.now
      let milliseconds = max(0, left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000)
      var item = pollfd(fd: descriptor, events: events, revents: 0)
      let count = poll(&item, 1, Int32(clamping: milliseconds) + (milliseconds > 0 ? 1 : 0))
      if count > 0 { return true }
      if count == 0 || errno != EINTR { return false }
    }
  }

  /// Sends what the other end takes now; false when it takes nothing before the deadline, or has gone.
  func write(_ bytes: [UInt8], deadline: ContinuousClock.Instant) -> (count: Int, isBroken: Bool) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, noSignal) }
      if count > 0 {
        written += count
      } else if errno == EAGAIN || errno == EWOULDBLOCK {
        guard written == 0, Self.wait(descriptor, Int16(POLLOUT), until: deadline) else { break }
      } else if errno != EINTR {
        return (written, true)
      }
    }
    return (written, false)
  }

  func read(deadline: ContinuousClock.Instant) -> Arrival {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { return .bytes(Array(buffer[..<count])) }
      if count == 0 { return .end }
      guard errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR else { return .end }
      guard Self.wait(descriptor, Int16(POLLIN), until: deadline) else { return .nothing }
    }
  }

  /// Sends the end of this end's bytes.
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
}

#if os(Linux)
  private let streamType = Int32(SOCK_STREAM.rawValue)
  private let noSignal = Int32(MSG_NOSIGNAL)
#else
  private let streamType = SOCK_STREAM
  private let noSignal: Int32 = 0
#endif
