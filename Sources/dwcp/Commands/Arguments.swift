import ArgumentParser
import DWCPCore
import DWCPNIO
import Logging

/// `HOST:PORT`, or `[HOST]:PORT` for IPv6 addresses.
struct Endpoint: ExpressibleByArgument, CustomStringConvertible {
  let host: String
  let port: Int

  /// Where `serve` listens unless told otherwise: on loopback, since nothing protects the connection.
  static let loopback = Endpoint(host: "127.0.0.1", port: 7_373)

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":"), let port = Int(argument[argument.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    var host = argument[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    self.init(host: host.isEmpty ? Self.loopback.host : String(host), port: port)
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// `auto`, or a codec with or without a level.
struct CodecChoice: ExpressibleByArgument, CustomStringConvertible {
  let setting: CompressionSetting?

  static let auto = CodecChoice(setting: nil)

  var description: String { setting.map(\.description) ?? "auto" }

  private init(setting: CompressionSetting?) {
    self.setting = setting
  }

  init?(argument: String) {
    guard argument != "auto" else {
      self = .auto
      return
    }
    guard let setting = CompressionSetting(argument) else { return nil }
    self.setting = setting
  }
}

/// A comma-separated list of codecs.
struct CodecList: ExpressibleByArgument {
  let codecs: [Codec]

  init?(argument: String) {
    let codecs = argument.split(separator: ",").map { Codec(name: String($0)) }
    guard !codecs.isEmpty, !codecs.contains(nil) else { return nil }
    self.codecs = codecs.compactMap { $0 }
  }
}

struct CodecOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "auto, none, lz4[:LEVEL], zstd[:LEVEL] or zstd:LEVEL:chained. A codec that is named must be one the other end can decode, or the session is refused.",
      valueName: "codec"))
  var codec = CodecChoice.auto

  @Flag(help: "Say on standard error why a stream's codec was chosen, each time that it changes.")
  var explain = false

  /// What a session that sends with this choice asks for.
  func apply(to configuration: inout SessionConfiguration) {
    guard let setting = codec.setting else { return }
    configuration.compression = .fixed(setting)
    configuration.acceptableCodecs = [setting.codec]
  }
}

extension TransportConfiguration {
  /// Decisions of automatic compression go to standard error, a line each.
  mutating func explainCodecs() {
    session.explainsCodecs = true
    logger = Logger(label: "dwcp") { _ in CodecExplanations() }
    logger.logLevel = .trace
  }

  /// For commands that say themselves what went wrong.
  static func quiet() -> TransportConfiguration {
    var configuration = TransportConfiguration()
    configuration.logger = Logger(label: "dwcp") { _ in SwiftLogNoOpLogHandler() }
    return configuration
  }
}
