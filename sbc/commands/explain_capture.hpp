// The verdicts for a capture, packet by packet, and the summary.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "acl/travel_passes.hpp"
#include "config/load.hpp"
#include "sbc/explain.hpp"
#include "sbc/flow.hpp"

namespace postern::commands {

/// An array on stdout, an element a line, written as it comes.
class JsonArray {
 public:
  void add(const std::string& element);
  void finish() const;

 private:
  bool empty_ = true;
};

struct PacketName {
  std::uint64_t number = 0;
  sbc::Endpoint source;
  std::string method;
};

/// Writes what changes from one configuration to another, and nothing else.
class ChangeWriter {
 public:
  explicit ChangeWriter(bool json) : json_(json) {}

  /// nullopt: the packet is none for that configuration's listeners.
  void write(const PacketName& packet, const std::optional<sbc::Explanation>& before, const std::optional<sbc::Explanation>& after);
  void finish();

 private:
  bool json_;
  JsonArray array_;
  std::uint64_t packets_ = 0;
  std::uint64_t changes_ = 0;
};

/// What judges a capture: a configuration, and the travel passes that stand in its state folder.
struct Judging {
  const config::LoadResult& by;
  std::shared_ptr<const acl::TravelPasses> passes;
};

/// Both print to stdout (beside JSON the summary goes to stderr); false: the capture cannot be read, which is told.
bool explain_capture(const Judging& judging, const std::string& pcap, bool json);
bool compare_capture(const Judging& before, const Judging& after, const std::string& pcap, bool json);

}  // namespace postern::commands
