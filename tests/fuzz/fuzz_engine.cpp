// Packets from both sides and time passing, through the whole engine. What leaves is a message again, and shows nothing of the core on the
// access side unless somebody there wrote it.
//
// An input is a list of packets with 0xff between them. The first byte of each says who sends it or that time passes; 0xfe and a letter
// stand for what the engine sent last: T a URI for the PBX, A a URI for the phone, B a branch toward the core, P one toward the phone, M
// the digits of a marker that the phone was shown.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/engine_fixture.hpp"
#include "tests/support/hiding.hpp"

namespace {

using namespace postern;           // NOLINT(google-build-using-namespace): a program of one file
using namespace postern::testing;  // NOLINT(google-build-using-namespace): a program of one file

constexpr std::string_view door = R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.99.88.5:15999, bind: 10.99.88.2:15998, domain: inner.invalid, public_domain: door.invalid}
limits: {per_source: off, per_source_methods: {REGISTER: off, INVITE: off}, unknown_sources: off, pbx: off}
)";
const std::vector<std::string> hidden{"10.99.88.5", "10.99.88.2", "inner.invalid"};
// A name counts only as a whole word, so letters before it make another.
const std::vector<std::string> addresses{"10.99.88.5", "10.99.88.2"};
constexpr std::size_t most_bytes = 8 * 1024;  // leaves room for what we add: bounds have tests of their own
constexpr std::size_t most_packets = 24;
constexpr std::size_t most_answers = 8;  // to one packet

void require(bool holds, std::string_view what, std::string_view bytes) {
  if (holds) return;
  std::fprintf(stderr, "%.*s\n%.*s\n", static_cast<int>(what.size()), what.data(), static_cast<int>(bytes.size()), bytes.data());
  std::abort();
}

bool shows_hidden(std::string_view bytes) {
  std::string lower(bytes);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::any_of(hidden, [&](const std::string& word) { return lower.find(word) != std::string::npos; });
}

std::string cut(std::string_view text, std::string_view begin, std::string_view ends) {
  const std::size_t at = text.find(begin);
  if (at == std::string_view::npos) return {};
  return std::string(text.substr(at, text.find_first_of(ends, at) - at));
}

/// What stands toward the core for a hidden name that a phone wrote (Names). No phone writes one below, so whoever has such a marker found
/// it by comparing, not by speaking.
std::vector<std::string> access_markers(EngineBench& bench) {
  std::vector<std::string> markers;
  for (const std::string& name : hidden) {
    bench.restart_without_state();
    bench.sent.clear();
    bench.handle(bench.access_flow({*acl::Address::parse("203.0.113.7"), 5062}),
                 "OPTIONS sip:1002@door.invalid SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7:5062;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
                 "From: <sip:1001@door.invalid>;tag=a\r\nTo: <sip:1002@door.invalid>\r\nCall-ID: x@" +
                     name + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
    const std::string call_id = bench.sent.empty() ? std::string() : cut(bench.sent.front().bytes, "Call-ID: x@", "\r");
    require(!call_id.empty(), "no marker for", name);
    markers.push_back(call_id.substr(std::string_view("Call-ID: x@").size()));
  }
  return markers;
}

class Run {
 public:
  Run(EngineBench& bench, const std::vector<std::string>& markers) : bench_(bench), markers_(markers) {
    bench_.restart_without_state();
    bench_.sent.clear();
    bench_.events.clear();
  }

  void packet(std::string_view text) {
    const auto op = static_cast<unsigned char>(text.front());
    const std::string bytes = filled_in(text.substr(1));
    if (bytes.size() > most_bytes) return;
    if (std::ranges::any_of(markers_, [&](const std::string& marker) { return bytes.find(marker) != std::string::npos; })) return;
    switch (op % 6) {
      case 0:
      case 1:
        // Whoever knows the names of the core may write them; they are not ours to hide from him.
        if (!shows_hidden(bytes)) bench_.handle(phone(op % 6), bytes);
        break;
      case 2:
      case 3:
        bench_.handle(bench_.pbx_flow(), bytes);
        break;
      case 4:
        bench_.handle(bench_.core_flow({*acl::Address::parse("10.99.88.6"), 5060}), bytes);
        break;
      default:
        bench_.wait(std::chrono::milliseconds(bytes.empty() ? 500 : 250 * static_cast<unsigned char>(bytes[0])));
        break;
    }
    look(op % 6 != 5 ? most_answers : SIZE_MAX);
  }

 private:
  sbc::Flow phone(unsigned which) {
    return bench_.access_flow({*acl::Address::parse("203.0.113.7"), static_cast<std::uint16_t>(5062 + which)});
  }

  std::string filled_in(std::string_view text) const {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\xfe' || i + 1 == text.size()) {
        out += text[i];
        continue;
      }
      const auto known = last_.find(text[++i]);
      if (known != last_.end()) out += known->second;
    }
    return out;
  }

  void remember(char letter, std::string text) {
    if (!text.empty()) last_[letter] = std::move(text);
  }

  void look(std::size_t most) {
    require(bench_.sent.size() <= most, "too many datagrams for one packet", "");
    for (const Sent& sent : bench_.sent) {
      const bool access = sent.flow.side == sbc::Side::access;
      // What is answered to a malformed request copies what is wrong with it.
      if (bench_.outcome() == sbc::Outcome::malformed) continue;
      const std::string leak = leak_in(sent.bytes, access ? addresses : std::vector<std::string>{});
      require(leak.empty(), leak, sent.bytes);
      remember(access ? 'A' : 'T', cut(sent.bytes, "sip:", ">\r\n ;?"));
      if (const std::string contact = cut(sent.bytes, "Contact: <sip:", ">"); contact.size() > 10)
        remember(access ? 'A' : 'T', contact.substr(10));
      if (const std::string marked = cut(sent.bytes, "@h-", ">\r\n ;%\""); access && !marked.empty()) remember('M', marked.substr(3));
      remember(access ? 'P' : 'B', cut(sent.bytes, "z9hG4bK", ";\r\n, "));
    }
    bench_.sent.clear();
    bench_.events.clear();
  }

  EngineBench& bench_;
  const std::vector<std::string>& markers_;
  std::map<char, std::string> last_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static EngineBench bench(door);
  static const std::vector<std::string> markers = access_markers(bench);
  Run run(bench, markers);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (std::size_t count = 0; count < most_packets && !rest.empty(); ++count) {
    const std::string_view text = rest.substr(0, rest.find('\xff'));
    if (!text.empty()) run.packet(text);
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
  }
  return 0;
}
