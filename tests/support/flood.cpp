// Sends UDP datagrams from many loopback addresses, as a flood with forged sources would come.
//   flood HOST PORT COUNT NETWORK/PREFIX TEMPLATE [RATE]
// The source addresses are those of the network in turn (127.0.0.0/8 has 16 million); the port goes up after each turn, so that
// each datagram has a source of its own. "{n}" in the file TEMPLATE is replaced by the datagram's number. RATE: datagrams a second, 0:
// unpaced. Prints how many were sent. Needs CAP_NET_RAW: the IP header is written here.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace {

struct Packet {
  std::array<char, 2048> bytes{};
  std::size_t size = 0;
};

std::string numbered(std::string text, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  for (std::size_t at = text.find("{n}"); at != std::string::npos; at = text.find("{n}", at + digits.size())) text.replace(at, 3, digits);
  return text;
}

struct Network {
  std::uint32_t address = 0;
  unsigned host_bits = 0;
};

bool parse(const std::string& text, Network& network) {
  const std::size_t slash = text.find('/');
  in_addr address{};
  if (slash == std::string::npos || inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1) return false;
  const int prefix = std::atoi(text.c_str() + slash + 1);
  if (prefix < 8 || prefix > 32) return false;
  network = {ntohl(address.s_addr), static_cast<unsigned>(32 - prefix)};
  return true;
}

bool fill(Packet& packet, const Network& network, std::uint64_t number, const sockaddr_in& to, const std::string& payload) {
  iphdr ip{};
  udphdr udp{};
  packet.size = sizeof ip + sizeof udp + payload.size();
  if (packet.size > packet.bytes.size()) return false;
  ip.version = 4;
  ip.ihl = 5;
  ip.ttl = 64;
  ip.protocol = IPPROTO_UDP;
  ip.tot_len = htons(static_cast<std::uint16_t>(packet.size));
  ip.saddr = htonl(network.address | static_cast<std::uint32_t>(number & ((1ULL << network.host_bits) - 1)));
  ip.daddr = to.sin_addr.s_addr;
  udp.source = htons(static_cast<std::uint16_t>(1024 + (number >> network.host_bits) % 64000));
  udp.dest = to.sin_port;
  udp.len = htons(static_cast<std::uint16_t>(sizeof udp + payload.size()));
  std::memcpy(packet.bytes.data(), &ip, sizeof ip);
  std::memcpy(packet.bytes.data() + sizeof ip, &udp, sizeof udp);
  std::memcpy(packet.bytes.data() + sizeof ip + sizeof udp, payload.data(), payload.size());
  return true;
}

void pace(std::chrono::steady_clock::time_point start, std::uint64_t sent, double rate) {
  if (rate <= 0 || sent % 64 != 0) return;
  std::this_thread::sleep_until(start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                            std::chrono::duration<double>(static_cast<double>(sent) / rate)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fputs("usage: flood HOST PORT COUNT NETWORK/PREFIX TEMPLATE [RATE]\n", stderr);
    return 2;
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
  Network network;
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || !parse(argv[4], network)) return 2;
  const std::uint64_t count = std::strtoull(argv[3], nullptr, 10);
  const double rate = argc > 6 ? std::atof(argv[6]) : 0;
  std::ifstream file(argv[5], std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (raw < 0 || text.empty()) {
    std::perror("flood");
    return 1;
  }
  Packet packet;
  std::uint64_t sent = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t number = 0; number < count; ++number) {
    if (!fill(packet, network, number, to, numbered(text, number))) return 2;
    if (sendto(raw, packet.bytes.data(), packet.size, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0) ++sent;
    pace(start, number + 1, rate);
  }
  close(raw);
  std::printf("%llu\n", static_cast<unsigned long long>(sent));
  return 0;
}
