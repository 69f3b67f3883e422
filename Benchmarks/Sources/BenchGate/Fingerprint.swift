/// What a figure depends on besides the code: figures are comparable where the fields that their class needs are equal.
public struct Fingerprint: Codable, Sendable, Equatable {
  /// The commit that was built, with `+` when the tree had changes; empty outside a repository.
  public var commit: String
  /// `release` with or without `aligned`, or `debug`.
  public var buildFlags: String
  /// What the compiler says of itself, for instance `6.3`.
  public var toolchain: String
  /// Operating system and architecture, for instance `linux-x86_64`.
  public var platform: String
  /// The extensions that the code under measurement chooses by, as this process sees them (under valgrind: as it emulates them).
  public var cpuFeatures: [String]
  public var zstdVersion: String
  public var lz4Version: String
  /// The C library, for instance `glibc 2.36`.
  public var cLibrary: String
  /// Empty where it is not installed.
  public var valgrindVersion: String
  /// SHA-256 of each corpus, by name.
  public var corpora: [String: String]

  public init(
    commit: String, buildFlags: String, toolchain: String, platform: String, cpuFeatures: [String], zstdVersion: String,
    lz4Version: String, cLibrary: String, valgrindVersion: String, corpora: [String: String]
  ) {
    self.commit = commit
    self.buildFlags = buildFlags
    self.toolchain = toolchain
    self.platform = platform
    self.cpuFeatures = cpuFeatures
    self.zstdVersion = zstdVersion
    self.lz4Version = lz4Version
    self.cLibrary = cLibrary
    self.valgrindVersion = valgrindVersion
    self.corpora = corpora
  }

  /// The name of the baselines' files: one for each platform.
  public var key: String { platform }

  /// Why figures of this class in this suite cannot be compared with those taken under `other`; nil when they can.
  ///
  /// Compressed sizes depend on the codecs' libraries; whatever depends on the order of a hash table or on what the
  /// optimiser did, on the toolchain; instructions on everything.
  public func difference(from other: Fingerprint, metricClass: MetricClass, suite: String) -> String? {
    var fields: [(name: String, isEqual: Bool, old: String, new: String)] = []
    func require(_ name: String, _ old: String, _ new: String) { fields.append((name, old == new, old, new)) }
    require("platform", other.platform, platform)
    require("build flags", other.buildFlags, buildFlags)
    require("toolchain", other.toolchain, toolchain)
    if suite == "codec" {
      require("libzstd", other.zstdVersion, zstdVersion)
      require("liblz4", other.lz4Version, lz4Version)
      require("corpora", Self.text(other.corpora), Self.text(corpora))
    }
    if metricClass != .exact {
      require("C library", other.cLibrary, cLibrary)
      require("CPU features", other.cpuFeatures.joined(separator: " "), cpuFeatures.joined(separator: " "))
    }
    if metricClass == .instructions || metricClass == .scaling {
      require("valgrind", other.valgrindVersion, valgrindVersion)
    }
    guard let field = fields.first(where: { !$0.isEqual }) else { return nil }
    return "\(field.name) was '\(field.old)', is '\(field.new)'"
  }

  private static func text(_ corpora: [String: String]) -> String {
    corpora.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.prefix(12))" }.joined(separator: ", ")
  }
}
