import ArgumentParser
import DWCPCore
import Foundation

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
      DecodeCommand.self,
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
  case let error as SessionError:
    if let refusal = error.refusal { return "\(error)\n\(refusal.report)" }
    return error.description
  case is CancellationError: return "interrupted"
  default: return "\(error)"
  }
}

/// The work failed for a reason that a person can act on.
struct ToolError: Error {
  let message: String

  init(_ message: String) {
    self.message = message
  }
}

func standardError(_ text: String) {
  FileHandle.standardError.write(Data(text.utf8))
}

/// Writes to standard output at once, so that a script that waits for a line gets it.
func standardOutput(_ text: String) {
  FileHandle.standardOutput.write(Data(text.utf8))
}
