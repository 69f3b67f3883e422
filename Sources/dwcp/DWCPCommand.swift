import ArgumentParser
import DWCPCore
import Foundation
import NIOCore
import NIOPosix

@main
struct DWCPCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dwcp",
    abstract: "Moves files and messages between hosts over DWCP v3.",
    discussion: """
      EXAMPLES
        dwcp demo
        dwcp serve --listen 127.0.0.1:7373 --root /srv/images
        dwcp send disk.img 127.0.0.1:7373
        dwcp fetch 127.0.0.1:7373 disk.img -o copy.img

      EXIT CODES
        0 done; 1 the work failed (peer, network, data); 2 an internal error; 64 wrong usage
      """,
    subcommands: [
      DemoCommand.self, ServeCommand.self, SendCommand.self, FetchCommand.self, PingCommand.self, HealthCommand.self,
      DecodeCommand.self, ConformanceCommand.self, CalibrateCommand.self, DictionaryCommand.self,
    ])
}

/// Runs a command's work and turns what it throws into one sentence on standard error and an exit code.
func reportingFailures(_ work: () async throws -> Void) async throws {
  do {
    try await work()
  } catch let error as ExitCode {
    throw error
  } catch let error as ValidationError {
    throw error
  } catch {
    standardError("dwcp: \(sentence(for: error))\n")
    throw ExitCode((error as? SessionError)?.blame == .internal ? 2 : 1)
  }
}

/// What went wrong, and what to do next.
private func sentence(for error: any Error) -> String {
  switch error {
  case let error as ToolError: return error.message
  case let error as SystemError: return "\(error.name): \(error.message)"
  case let error as SessionError where error.code == .unknownService:
    return "the server does not offer that; files need `dwcp serve --root DIR` (\(error.code))"
  case let error as SessionError:
    if let refusal = error.refusal { return "\(error)\n\(refusal.report)" }
    return error.description
  case is CancellationError: return "interrupted"
  default: return reason(of: error)
  }
}

/// What a library's error means, without the library's words around it.
func reason(of error: any Error) -> String {
  switch error {
  case let error as IOError:
    return String(cString: strerror(error.errnoCode))
  case let error as NIOConnectionError:
    guard let failure = error.connectionErrors.first else { return "the name \(error.host) is not known" }
    return reason(of: failure.error)
  case is SocketAddressError: return "the name is not known"
  case let error as ChannelError: return "\(error)"
  default: return (error as NSError).localizedDescription
  }
}

/// The work failed for a reason that a person can act on.
struct ToolError: Error {
  let message: String

  init(_ message: String) {
    self.message = message
  }
}

/// Nothing can be said where standard error cannot be written.
func standardError(_ text: String) {
  _ = writeAll(text, to: STDERR_FILENO)
}

/// Writes to standard output at once, so that a script that waits for a line gets it. Without an output the work is in vain.
func standardOutput(_ text: String) {
  guard !writeAll(text, to: STDOUT_FILENO) else { return }
  if errno != EPIPE { standardError("dwcp: cannot write to standard output: \(String(cString: strerror(errno)))\n") }
  exit(1)
}

private func writeAll(_ text: String, to descriptor: Int32) -> Bool {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if written < 0, errno != EINTR { return false }
    rest = rest.dropFirst(max(0, written))
  }
  return true
}

/// Runs work that a peer could let wait for ever.
func withDeadline<Result: Sendable>(
  _ limit: Duration, waitingFor what: String, _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result.self) { group in
    group.addTask(operation: work)
    group.addTask {
      try await Task.sleep(for: limit)
      throw ToolError("the other end took longer than \(limit.components.seconds) s for \(what); look at its log")
    }
    defer { group.cancelAll() }
    guard let result = try await group.next() else { throw CancellationError() }
    return result
  }
}

extension FixedWidthInteger {
  /// A number of digits alone: no sign, no space.
  init?(digits text: String, radix: Int) {
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
    self.init(text, radix: radix)
  }
}
