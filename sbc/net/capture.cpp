#include "sbc/net/capture.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <system_error>

#include "sbc/net/ip_packet.hpp"
#include "sbc/net/tcp_streams.hpp"

namespace postern::net {
namespace {

constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;

struct Closer {
  void operator()(pcap_t* file) const { pcap_close(file); }
};

std::optional<LinkLayer> link_layer_of(int type) {
  switch (type) {
    case DLT_EN10MB:
      return LinkLayer::ethernet;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return LinkLayer::raw;
    case DLT_NULL:
    case DLT_LOOP:
      return LinkLayer::loopback;
    case DLT_LINUX_SLL:
      return LinkLayer::cooked;
    case DLT_LINUX_SLL2:
      return LinkLayer::cooked2;
    default:
      return std::nullopt;
  }
}

class Reader {
 public:
  Reader(LinkLayer layer, CaptureSink& sink) : layer_(layer), sink_(sink) {}

  void packet(const pcap_pkthdr& header, const std::uint8_t* octets) {
    ++counts_.packets;
    seen_ = {};
    seen_.packet = counts_.packets;
    seen_.time = time_of(header);
    const Octets frame(octets, header.caplen);
    const auto packet = ip_of_frame(layer_, frame);
    if (!packet) {
      ++(header.caplen < header.len ? counts_.truncated : counts_.unreadable);
      return;
    }
    IpPayload payload;
    switch (ip_.read(*packet, seen_.time, payload)) {
      case IpResult::payload:
        transport(payload);
        break;
      case IpResult::fragment:
        ++counts_.fragments;
        break;
      case IpResult::truncated:
        ++counts_.truncated;
        break;
      case IpResult::unreadable:
        ++counts_.unreadable;
        break;
    }
  }

  CaptureCounts finish() {
    counts_.lost_fragments = ip_.lost();
    counts_.broken_streams = tcp_.broken();
    return counts_;
  }

 private:
  /// Whatever the file says, it stays within what the arithmetic of times can hold.
  static std::chrono::microseconds time_of(const pcap_pkthdr& header) {
    const auto seconds = std::clamp<std::int64_t>(header.ts.tv_sec, 0, UINT32_MAX);
    const auto rest = std::clamp<std::int64_t>(header.ts.tv_usec, 0, 999'999);
    return std::chrono::seconds(seconds) + std::chrono::microseconds(rest);
  }

  void transport(const IpPayload& payload) {
    if (payload.protocol == protocol_udp)
      udp(payload);
    else if (payload.protocol == protocol_tcp)
      tcp(payload);
    else
      ++counts_.elsewhere;
  }

  void udp(const IpPayload& payload) {
    constexpr std::size_t header = 8;
    const Octets octets = payload.octets;
    const auto be16 = [&](std::size_t at) { return static_cast<std::uint16_t>((octets[at] << 8U) | octets[at + 1]); };
    if (octets.size() < header) {
      ++counts_.unreadable;
      return;
    }
    std::size_t length = be16(4);
    if (length == 0) length = octets.size();  // RFC 2675 §4
    if (length < header || length > octets.size()) {
      ++counts_.unreadable;
      return;
    }
    seen_.source = {payload.source, be16(0)};
    seen_.destination = {payload.destination, be16(2)};
    if (!sink_.wants(sbc::Transport::udp, seen_.source, seen_.destination)) {
      ++counts_.elsewhere;
      return;
    }
    seen_.bytes = {reinterpret_cast<const char*>(octets.data()) + header, length - header};
    sink_.on_message(seen_);
  }

  void tcp(const IpPayload& payload) {
    const auto segment = read_tcp(payload.source, payload.destination, payload.octets);
    if (!segment) {
      ++counts_.unreadable;
      return;
    }
    if (!sink_.wants(sbc::Transport::tcp, segment->source, segment->destination)) {
      ++counts_.elsewhere;
      return;
    }
    seen_.transport = sbc::Transport::tcp;
    seen_.source = segment->source;
    seen_.destination = segment->destination;
    tcp_.take(*segment, [this](std::string_view message) {
      seen_.stream = tcp_.connection();
      seen_.bytes = message;
      sink_.on_message(seen_);
    });
  }

  LinkLayer layer_;
  CaptureSink& sink_;
  IpReader ip_;
  TcpStreams tcp_;
  sbc::SeenMessage seen_;
  CaptureCounts counts_;
};

std::variant<CaptureCounts, std::string> read(pcap_t* opened, const char* error, CaptureSink& sink) {
  const std::unique_ptr<pcap_t, Closer> file(opened);
  if (!file) return fmt::format("cannot be read as a capture (pcap or pcapng): {}", error);
  const int type = pcap_datalink(file.get());
  const auto layer = link_layer_of(type);
  if (!layer) {
    const char* name = pcap_datalink_val_to_name(type);
    return fmt::format("its frames are of the link type {}, which is not read here", name != nullptr ? name : std::to_string(type));
  }
  Reader reader(*layer, sink);
  pcap_pkthdr* header = nullptr;
  const std::uint8_t* octets = nullptr;
  int result = 0;
  while ((result = pcap_next_ex(file.get(), &header, &octets)) == 1) reader.packet(*header, octets);
  CaptureCounts counts = reader.finish();
  if (result == PCAP_ERROR) counts.ended_by = pcap_geterr(file.get());
  return counts;
}

}  // namespace

std::variant<CaptureCounts, std::string> read_capture(const std::string& path, CaptureSink& sink) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return fmt::format("cannot open: {}", std::generic_category().message(errno));
  return read_capture(file, sink);
}

std::variant<CaptureCounts, std::string> read_capture(std::FILE* open_file, CaptureSink& sink) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* const file = pcap_fopen_offline(open_file, error.data());
  if (file == nullptr) std::fclose(open_file);
  return read(file, error.data(), sink);
}

}  // namespace postern::net
