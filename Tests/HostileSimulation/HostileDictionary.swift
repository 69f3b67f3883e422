public import DWCPCore
internal import NIOCore
internal import Simulation

/// Dictionaries that hostile peers know, each with a block that was compressed against it.
public struct HostileDictionary: Sendable {
  public let dictionary: CompressionDictionary
  let rawByteCount: Int
  let payload: [UInt8]

  /// From short to long; what libzstd makes of them is made once, before anything is counted.
  public static let all: [HostileDictionary] = [8, 100, 700, 16_384, 20_000, 114_688].compactMap { Self(byteCount: $0) }

  private init?(byteCount: Int) {
    // Noise, so that a block of it shrinks by its dictionary alone.
    var noise = UInt64(byteCount)
    let content = (0..<byteCount).map { _ in
      noise = noise &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return HostilePeer.alphabet[Int(noise >> 33) % HostilePeer.alphabet.count]
    }
    guard let dictionary = try? CompressionDictionary(content) else { return nil }
    let raw = ByteBuffer(bytes: content.suffix(400) + [UInt8](repeating: 7, count: 60))
    var payload = ByteBuffer()
    payload.writeWithOutputRawSpan(minimumWritableBytes: raw.readableBytes) { output in
      _ = try? CodecContext().compress(
        raw.readableBytesSpan, setting: .zstdDefault, maximumByteCount: raw.readableBytes - 1, dictionary: dictionary,
        into: &output)
    }
    self.dictionary = dictionary
    rawByteCount = raw.readableBytes
    self.payload = Array(payload.readableBytesView)
  }
}

extension HostileWire {
  /// One part of a dictionary (SPEC DIC-1); what is given lies.
  public mutating func dictionary(
    _ dictionary: CompressionDictionary, id: UInt32, domain: UInt64 = 0, offset: Int = 0, total: Int? = nil,
    sha256: [UInt8]? = nil
  ) {
    let part = dictionary.bytes.dropFirst(offset).prefix(16_384)
    frame(0x46) { body in
      body.writeMultipleIntegers(id, domain, UInt32(total ?? dictionary.byteCount), UInt32(offset))
      body.writeBytes(sha256 ?? dictionary.sha256)
      body.writeBytes(part)
    }
  }

  /// All parts.
  public mutating func wholeDictionary(_ dictionary: CompressionDictionary, id: UInt32, domain: UInt64 = 0) {
    for offset in stride(from: 0, to: dictionary.byteCount, by: 16_384) {
      self.dictionary(dictionary, id: id, domain: domain, offset: offset)
    }
  }

  /// 0 rejected, 1 accepted, 2 already held, 3 retired.
  public mutating func dictionaryAnswer(_ id: UInt32, _ answer: UInt8) {
    frame(0x47) { $0.writeMultipleIntegers(id, answer) }
  }

  /// A block that names a dictionary (SPEC DIC-3).
  mutating func named(
    stream: UInt64, id: UInt32, offset: UInt64, rawByteCount: Int, payload: [UInt8]
  ) {
    data(stream: stream, flags: 0x40, offset: offset, codec: 2, rawByteCount: rawByteCount) { body in
      body.writeInteger(id)
      body.writeBytes(payload)
    }
  }
}

/// What a hostile peer knows of its own dictionaries.
struct HostileOffers {
  struct Live {
    let id: UInt32
    let content: HostileDictionary
    var isAccepted = false
  }

  var live: [Live] = []
  var lastID: UInt32 = 0

  mutating func take(_ answer: UInt8, id: UInt32) {
    guard let index = live.firstIndex(where: { $0.id == id }) else { return }
    if answer == 0 { live.remove(at: index) } else { live[index].isAccepted = true }
  }
}

extension HostilePeer {
  private var budget: Int { configuration.receiveDictionaryByteCount }

  /// Whether the engine holds dictionaries at all.
  private var offersDictionaries: Bool { budget > 0 && configuration.decodableCodecs.contains(.zstd) }

  /// Offers, uses or retires a dictionary, as the rules have it.
  mutating func useDictionary() {
    guard offersDictionaries else { return sendData() }
    let usable = offers.live.filter(\.isAccepted)
    if let oldest = usable.first, offers.live.count == 2, random.isOneIn(3) { return retire(oldest.id) }
    guard let offer = usable.last, !random.isOneIn(3) else { return offerDictionary(domain: random.isOneIn(8) ? 9 : 0) }
    guard let index = anyStream(), room(index) > offer.content.rawByteCount else { return }
    // Some do not decode.
    let payload = random.isOneIn(20) ? Array(offer.content.payload.dropLast()) : offer.content.payload
    wire.named(
      stream: streams[index].id, id: offer.id, offset: streams[index].end, rawByteCount: offer.content.rawByteCount,
      payload: payload)
    charge(index, offer.content.rawByteCount)
  }

  private mutating func offerDictionary(domain: UInt64) {
    let held = offers.live.reduce(0) { $0 + $1.content.dictionary.byteCount }
    let fitting = HostileDictionary.all.filter { $0.dictionary.byteCount <= budget - held }
    guard offers.live.count < 2, !fitting.isEmpty else { return }
    let chosen = fitting[random.next(below: fitting.count)]
    offers.lastID += 1
    offers.live.append(HostileOffers.Live(id: offers.lastID, content: chosen))
    wire.wholeDictionary(chosen.dictionary, id: offers.lastID, domain: domain)
  }

  private mutating func retire(_ id: UInt32) {
    offers.live.removeAll { $0.id == id }
    wire.dictionaryAnswer(id, 3)
  }

  /// One after the other, each of them used for nothing.
  mutating func burstOfDictionaries() {
    for offer in offers.live where offer.isAccepted { retire(offer.id) }
    offerDictionary(domain: 0)
    offerDictionary(domain: 0)
  }

  mutating func misuseDictionaries() {
    guard let chosen = HostileDictionary.all.randomElement(using: &random) else { return }
    let id = offers.lastID + 1
    switch random.next(below: 8) {
    case 0: wire.dictionary(chosen.dictionary, id: id + 1)
    case 1: wire.dictionary(chosen.dictionary, id: id, total: chosen.dictionary.byteCount + 1)
    case 2: wire.dictionary(chosen.dictionary, id: id, offset: 5)
    case 3: wire.wholeDictionary(chosen.dictionary, id: id, domain: 0)
    case 4: wire.dictionary(chosen.dictionary, id: id, sha256: [UInt8](repeating: 1, count: 32))
    case 5: wire.dictionaryAnswer(id, UInt8(random.next(below: 5)))
    case 6: wire.dictionary(chosen.dictionary, id: id, total: Int(UInt32.max))
    default: break
    }
    guard let index = anyStream() else { return }
    wire.named(
      stream: streams[index].id, id: id, offset: streams[index].end, rawByteCount: chosen.rawByteCount,
      payload: chosen.payload)
  }
}
