import DWCPCore
import Foundation
import NIOCore
import Testing

/// A golden vector: bytes that the other end sends, and what an engine makes of them. `Fixtures/README.md` describes the form.
struct Vector: Decodable, Sendable, CustomTestStringConvertible {
  let id: String
  let role: String
  let configuration: FixtureConfiguration?
  let steps: [FixtureStep]
  let expect: Expectation
  /// Steps that an earlier vector has in common with this one, under the same configuration.
  var sharedStepCount = 0

  enum CodingKeys: String, CodingKey { case id, role, configuration, steps, expect }

  var testDescription: String { id }
}

/// What the other end sends, what the application does, or how time passes; in a recorded session also what came of it.
struct FixtureStep: Codable, Sendable, Hashable {
  var receive: String?
  var what: String?
  var times: Int?
  var command: String?
  var stream: UInt64?
  var metadata: [Metadatum]?
  var hex: String?
  var object: UInt64?
  var domain: UInt64?
  var length: Int?
  var offset: Int?
  var endsMessage: Bool?
  var code: String?
  var milliseconds: UInt64?
  var outcomes: [String]?
  var sent: String?

  struct Metadatum: Codable, Sendable, Hashable {
    var key: String
    var value: String
  }

  enum CodingKeys: String, CodingKey {
    case receive, what, times
    case command = "do"
    case stream, metadata, hex, object, domain, length, offset, endsMessage, code, milliseconds, outcomes, sent
  }

  /// All that is received, repetitions included.
  var bytes: ByteBuffer? {
    receive.map { ByteBuffer(hex: $0, times: times ?? 1) }
  }
}

struct FixtureConfiguration: Codable, Sendable, Hashable {
  var codecs: [UInt8]?
  var acceptableCodecs: [UInt8]?
  var requiredCodecs: [UInt8]?
  var sendWith: String?
  var minors: [UInt8]?
  var maxRawBlock: Int?
  var zstdWindowLog: Int?
  var dictionaryBudget: Int?
  var objectBudget: UInt64?
  var sessionCredit: UInt64?
  var streamCredit: UInt64?
  var streamLimit: UInt64?
  var idleTimeoutMilliseconds: UInt32?
  var integrity: Bool?

  /// Streams send stored blocks, so that what is sent depends on no library's version.
  func applied() -> SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.none)
    if let codecs { configuration.decodableCodecs = codecs.compactMap(Codec.init(rawValue:)) }
    if let acceptableCodecs { configuration.acceptableCodecs = Set(acceptableCodecs.compactMap(Codec.init(rawValue:))) }
    if let requiredCodecs { configuration.requiredCodecs = Set(requiredCodecs.compactMap(Codec.init(rawValue:))) }
    if let minors, minors.count == 2 { configuration.minorVersions = minors[0]...minors[1] }
    if let maxRawBlock { configuration.maximumRawBlockByteCount = maxRawBlock }
    if let zstdWindowLog { configuration.maximumZstdWindowLog = zstdWindowLog }
    if let dictionaryBudget { configuration.receiveDictionaryByteCount = dictionaryBudget }
    if let objectBudget { configuration.receiveObjectByteCount = objectBudget }
    if let sessionCredit { configuration.sessionWindowByteCount = sessionCredit }
    if let streamCredit { configuration.streamWindowByteCount = streamCredit }
    if let streamLimit { configuration.maximumPeerStreamCount = streamLimit }
    if let idleTimeoutMilliseconds { configuration.idleTimeoutMilliseconds = idleTimeoutMilliseconds }
    if let integrity { configuration.requiresIntegrity = integrity }
    return configuration
  }
}

struct Expectation: Decodable, Sendable {
  let outcome: String
  let events: [Event]
  let streams: [Content]?
  let sends: [Frame]?
  let objects: [Object]?
  let error: Failure?

  struct Event: Decodable, Sendable {
    let event: String
    let minor: Int?
    let integrity: Bool?
    let sendCodecs: [UInt8]?
    let stream: UInt64?
    let metadata: [FixtureStep.Metadatum]?
    let expectedSize: UInt64?
    let urgency: UInt8?
    let code: String?
    let lastStream: UInt64?
    let domain: UInt64?
    let object: UInt64?
    let version: UInt64?
    let own: Bool?
    let by: String?
  }

  /// What the end under test holds of an object of the other end's.
  struct Object: Decodable, Sendable {
    let domain: UInt64
    let object: UInt64
    let version: UInt64
    let content: [Part]

    var name: ObjectName { ObjectName(domain: domain, number: object) }
  }

  struct Content: Decodable, Sendable {
    let stream: UInt64
    let content: [Part]
    let state: String
    let code: String?
  }

  struct Part: Decodable, Sendable {
    let kind: String
    let hex: String
    let times: Int?
  }

  struct Frame: Decodable, Sendable {
    let type: String
    let stream: UInt64
    let bodyStart: String
  }

  struct Failure: Decodable, Sendable {
    let codes: [String]
    let clauses: [String]
    let answer: String
  }
}

/// A session as one engine saw it: everything that went in, and everything that came out.
struct Recording: Codable, Sendable {
  var format = 1
  var session: String
  var about: String
  var role: String
  var secrets: String
  var configuration: FixtureConfiguration
  var steps: [FixtureStep]
}

/// The files below `Fixtures`.
enum Fixtures {
  static let directory =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/") + "/Fixtures"

  static let all: [String: [Vector]] = load()

  /// The vectors of some rooms; none when the files cannot be read, which `roomsAreThere` reports.
  static func vectors(in rooms: String...) -> [Vector] {
    rooms.flatMap { all[$0] ?? [] }
  }

  static func recording(_ name: String) throws -> Recording {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/recorded/\(name).json"))
    return try JSONDecoder().decode(Recording.self, from: data)
  }

  private struct Room: Decodable {
    let room: String
    let vectors: [Vector]
  }

  private struct Prefix: Hashable {
    let role: String
    let configuration: FixtureConfiguration?
    let steps: ArraySlice<FixtureStep>
  }

  private static func load() -> [String: [Vector]] {
    var rooms: [String: [Vector]] = [:]
    var seen: Set<Prefix> = []
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/vectors")) ?? []
    for name in names.sorted() {
      guard let data = FileManager.default.contents(atPath: "\(directory)/vectors/\(name)"),
        let room = try? JSONDecoder().decode(Room.self, from: data)
      else { continue }
      rooms[room.room] = room.vectors.map { vector in
        var vector = vector
        for count in 1...vector.steps.count {
          let prefix = Prefix(
            role: vector.role, configuration: vector.configuration, steps: vector.steps.prefix(count))
          if !seen.insert(prefix).inserted { vector.sharedStepCount = count }
        }
        return vector
      }
    }
    return rooms
  }
}

extension [UInt8] {
  /// Bytes from hexadecimal digits.
  init(hex: String) {
    let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
  }
}

extension ByteBuffer {
  /// Bytes from hexadecimal digits, so many times one behind the other.
  init(hex: String, times: Int) {
    let once = [UInt8](hex: hex)
    if once.count == 1 {
      self.init(repeating: once[0], count: times)
    } else {
      self.init(bytes: (0..<times).flatMap { _ in once })
    }
  }

  var hex: String {
    let digits = Array("0123456789abcdef")
    var text = ""
    for byte in readableBytesView {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return text
  }
}

extension ErrorCode {
  /// Reads `PROTOCOL` or `0x40000001`.
  init?(named name: String) {
    if name.hasPrefix("0x"), let value = UInt32(name.dropFirst(2), radix: 16) {
      self.init(rawValue: value)
      return
    }
    guard let value = (0..<0x1A as Range<UInt32>).first(where: { "\(ErrorCode(rawValue: $0))" == name }) else {
      return nil
    }
    self.init(rawValue: value)
  }
}
