import ArgumentParser
import DWCPCore
import Foundation
import NIOCore

struct DecodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Prints the frames of a captured byte stream, one a line, and the first rule broken.",
    discussion: """
      The input is what one end sent on one connection, from its first byte, such as `tshark -z follow,tcp,raw,0` gives for one direction, \
      turned from hexadecimal into bytes.

      EXAMPLES
        dwcp decode client.bin
        xxd -r -p client.hex | dwcp decode -
      """)

  @Argument(help: "A file, or - for standard input.")
  var input: String

  func run() async throws {
    try await reportingFailures {
      let file = try open()
      var lister = FrameLister()
      var isEmpty = true
      while let data = try file.read(upToCount: 1 << 20), !data.isEmpty {
        try list(ByteBuffer(bytes: data), with: &lister)
        isEmpty = false
      }
      if isEmpty { throw ToolError("the input is empty; capture one direction of a connection from its first byte") }
      if lister.unfinishedByteCount > 0 {
        throw ToolError(
          "the input ends inside a frame: \(lister.unfinishedByteCount) bytes belong to an unfinished one")
      }
    }
  }

  private func open() throws -> FileHandle {
    if input == "-" { return .standardInput }
    guard let file = FileHandle(forReadingAtPath: input) else {
      throw ToolError("cannot read \(input); check the path")
    }
    return file
  }

  private func list(_ bytes: ByteBuffer, with lister: inout FrameLister) throws {
    var bytes = bytes
    while let line = try lister.next(&bytes) { standardOutput(line + "\n") }
  }
}
