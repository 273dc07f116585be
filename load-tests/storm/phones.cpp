// Very many phones on UDP that lose their power and come back all at once, each as RFC 3261 has a phone behave. One thread, one epoll.
//   storm_phones SERVER:PORT COUNT FIRST [--offices NxSIZE] [--rate R] [--expires S] [--refresh S] [--keep-challenge] [--quiet S]
//   [--give-up S] [--seed N]
// COUNT phones from extension FIRST on; the password of each is "secret" and its extension. N offices have SIZE phones behind one address
// of 127.1.0.0/16 (each on a port of its own), all others an address of their own. They register at R a second (400), for S seconds (3600),
// again each S (never). SIGUSR1 is the power cut: the sockets are closed, nothing is sent for S seconds (2), then all register within one
// second: the same Call-ID and port. A phone sends a REGISTER again as timer E tells (500 ms, doubled up to 4 s) and gives up after 32 s;
// it answers a challenge, waits as long as Retry-After of a 503 says, and 30 to 60 s after any other failure. --keep-challenge: after that
// it answers the last challenge at once, as many phones do; else it starts without credentials. A line of JSON each second, and at the end
// (all are back, or S seconds after the cut, or SIGTERM) what was seen in all.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>

#include "load-tests/sip_text.hpp"
#include "load-tests/storm/options.hpp"
#include "load-tests/storm/wires.hpp"

namespace {

using postern::load::credentials;
using postern::load::header;
using postern::load::lines_of;
using postern::load::Wires;
using Options = postern::load::StormOptions;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds t1{500}, t2{4000};
constexpr milliseconds timer_f = 64 * t1;  // RFC 3261 §17.1.2.2
constexpr std::uint32_t first_address = (127U << 24U) | (1U << 16U) | 1U;
constexpr std::uint16_t first_port = 5100;
constexpr unsigned most_challenges = 2;  // the second for a nonce that has become too old

volatile std::sig_atomic_t over = 0, cut = 0;

enum class State : std::uint8_t { off, asking, waiting, registered };

struct Phone {
  State state = State::off;
  bool office = false;
  std::optional<double> back;  // seconds after the storm's beginning
  std::uint32_t address = 0;
  std::size_t port = 0;
  unsigned cseq = 0, nonce_count = 0, challenges = 0, refused = 0, retry_after = 0, turn = 0;
  std::string challenge, request;
  milliseconds interval = t1;
  Clock::time_point asked;
};

struct Due {
  Clock::time_point when;
  std::size_t index;
  unsigned turn;  // another turn of the phone: no longer wanted
  bool operator>(const Due& other) const { return when > other.when; }
};

struct Counts {
  std::size_t sent = 0, repeated = 0, challenged = 0, unavailable = 0, accepted = 0, failed = 0, timeouts = 0, pings = 0, misrouted = 0;
};

double seconds_of(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

class Phones {
 public:
  explicit Phones(const Options& options);
  int run();

 private:
  void place(std::size_t index);
  void at(std::size_t index, Clock::time_point when);
  void wake(std::size_t index, Clock::time_point now);
  void wake_due(Clock::time_point now);
  void start(std::size_t index, Clock::time_point now);
  void ask(std::size_t index, Clock::time_point now);
  void fail(std::size_t index, Clock::time_point now);
  void take(std::uint32_t to, std::size_t port, std::string_view message);
  void on_response(std::size_t index, std::string_view message, Clock::time_point now);
  void on_success(std::size_t index, Clock::time_point now);
  void answer(std::uint32_t from, std::size_t port, std::string_view request);
  void lose_power(Clock::time_point now);
  void print_second(Clock::time_point now);
  void print_end() const;
  [[nodiscard]] std::string extension(std::size_t index) const { return std::to_string(options_.first + index); }
  [[nodiscard]] const char* phase() const { return storm_ ? "storm" : told_registered_ ? "steady" : "registering"; }

  Options options_;
  Wires wires_;
  std::vector<Phone> phones_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::mt19937 random_;
  Counts second_, all_;
  std::map<unsigned, std::size_t> retry_after_;
  std::vector<double> answered_ms_;
  std::size_t registered_ = 0, back_ = 0;
  bool storm_ = false, told_registered_ = false;
  Clock::time_point begun_ = Clock::now(), storm_begun_, next_line_ = begun_ + seconds(1);
};

Phones::Phones(const Options& options)
    : options_(options),
      wires_(options.server, first_port, std::max<std::size_t>(options.offices > 0 ? options.office_size : 1, 1)),
      random_(options.seed) {
  phones_.resize(options_.count);
  for (std::size_t i = 0; i < phones_.size(); ++i) place(i);
  for (std::size_t i = 0; i < phones_.size(); ++i)
    at(i, begun_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(i) / options_.rate)));
}

// Phones of one office have numbers far from each other, so that they do not register one after the other.
void Phones::place(std::size_t index) {
  Phone& phone = phones_[index];
  phone.office = index < options_.offices * options_.office_size;
  const std::size_t house = phone.office ? index % options_.offices : options_.offices + index - options_.offices * options_.office_size;
  phone.address = first_address + static_cast<std::uint32_t>(house);
  phone.port = phone.office ? index / options_.offices : 0;
}

void Phones::at(std::size_t index, Clock::time_point when) { due_.push({when, index, ++phones_[index].turn}); }

void Phones::wake(std::size_t index, Clock::time_point now) {
  Phone& phone = phones_[index];
  if (phone.state != State::asking) return start(index, now);
  if (now - phone.asked >= timer_f) {
    ++second_.timeouts;
    return fail(index, now);
  }
  ++second_.repeated;
  wires_.send(phone.address, phone.port, phone.request);
  phone.interval = std::min(2 * phone.interval, t2);
  at(index, std::min(now + phone.interval, phone.asked + timer_f));
}

// A few at a time: between them what has come is taken.
void Phones::wake_due(Clock::time_point now) {
  for (int woken = 0; woken < 64 && !due_.empty() && due_.top().when <= now; ++woken) {
    const Due due = due_.top();
    due_.pop();
    if (due.turn == phones_[due.index].turn) wake(due.index, now);
  }
}

void Phones::start(std::size_t index, Clock::time_point now) {
  phones_[index].challenges = 0;
  if (!options_.keep_challenge) phones_[index].challenge.clear();
  ask(index, now);
}

void Phones::ask(std::size_t index, Clock::time_point now) {
  Phone& phone = phones_[index];
  const std::string user = extension(index), uri = "sip:" + options_.host, aor = "<sip:" + user + "@" + options_.host + ">";
  const std::string number = std::to_string(++phone.cseq);
  in_addr address{htonl(phone.address)};
  std::array<char, INET_ADDRSTRLEN> text{};
  const std::string own =
      std::string(::inet_ntop(AF_INET, &address, text.data(), text.size())) + ":" + std::to_string(first_port + phone.port);
  phone.request = "REGISTER " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + own + ";branch=z9hG4bK" + user + "x" + number +
                  ";rport\r\nMax-Forwards: 70\r\nFrom: " + aor + ";tag=t" + user + "\r\nTo: " + aor + "\r\nCall-ID: storm-" + user +
                  "\r\nCSeq: " + number + " REGISTER\r\nContact: <sip:" + user + "@" + own +
                  ">\r\nUser-Agent: Yealink SIP-T46U 108.86.0.20\r\nExpires: " + std::to_string(options_.expires.count()) + "\r\n" +
                  (phone.challenge.empty() ? "" : credentials(phone.challenge, user, uri, ++phone.nonce_count)) +
                  "Content-Length: 0\r\n\r\n";
  if (phone.state == State::registered) --registered_;
  phone.state = State::asking;
  phone.asked = now;
  phone.interval = t1;
  ++second_.sent;
  wires_.send(phone.address, phone.port, phone.request);
  at(index, now + t1);
}

void Phones::fail(std::size_t index, Clock::time_point now) {
  phones_[index].state = State::waiting;
  phones_[index].challenge.clear();
  at(index, now + milliseconds(std::uniform_int_distribution<int>(30'000, 60'000)(random_)));
}

void Phones::on_success(std::size_t index, Clock::time_point now) {
  Phone& phone = phones_[index];
  ++second_.accepted;
  ++registered_;
  answered_ms_.push_back(1000 * seconds_of(now - phone.asked));
  phone.state = State::registered;
  ++phone.turn;  // no retransmission
  if (storm_ && !phone.back) {
    phone.back = seconds_of(now - storm_begun_);
    ++back_;
  }
  if (options_.refresh.count() > 0) at(index, now + options_.refresh);
}

void Phones::on_response(std::size_t index, std::string_view message, Clock::time_point now) {
  Phone& phone = phones_[index];
  const int status = std::atoi(std::string(message.substr(8, 3)).c_str());
  if (phone.state != State::asking || std::strtoul(header(message, "CSeq").c_str(), nullptr, 10) != phone.cseq) return;
  if (status < 200) {  // RFC 3261 §17.1.2.2: from now on each T2
    phone.interval = t2;
    return;
  }
  if (status == 401) {
    ++second_.challenged;
    if (++phone.challenges > most_challenges) return fail(index, now);
    phone.challenge = header(message, "WWW-Authenticate");
    phone.nonce_count = 0;
    return ask(index, now);
  }
  if (status / 100 == 2) return on_success(index, now);
  const std::string wait = header(message, "Retry-After");
  ++(status == 503 ? second_.unavailable : second_.failed);
  if (status != 503 || wait.empty()) return fail(index, now);
  const auto after = static_cast<unsigned>(std::strtoul(wait.c_str(), nullptr, 10));
  ++retry_after_[after];
  phone.retry_after = after;
  if (storm_) ++phone.refused;
  phone.state = State::waiting;
  at(index, now + seconds(after));
}

// What the PBX or the SBC asks a phone, to see whether it is there.
void Phones::answer(std::uint32_t from, std::size_t port, std::string_view request) {
  ++second_.pings;
  wires_.send(from, port,
              "SIP/2.0 200 OK\r\n" + lines_of(request, "Via") + lines_of(request, "From") + "To: " + header(request, "To") +
                  ";tag=phone\r\n" + lines_of(request, "Call-ID") + lines_of(request, "CSeq") + "Content-Length: 0\r\n\r\n");
}

void Phones::take(std::uint32_t to, std::size_t port, std::string_view message) {
  if (!message.starts_with("SIP/2.0 ")) return message.starts_with("ACK") ? void() : answer(to, port, message);
  const std::string call_id = header(message, "Call-ID");
  const std::size_t index =
      call_id.starts_with("storm-") ? std::strtoul(call_id.c_str() + 6, nullptr, 10) - options_.first : phones_.size();
  if (index >= phones_.size() || phones_[index].address != to || phones_[index].port != port) {
    ++second_.misrouted;
    return;
  }
  on_response(index, message, Clock::now());
}

void Phones::lose_power(Clock::time_point now) {
  print_second(now);
  wires_.close();
  due_ = {};
  storm_begun_ = now + options_.quiet;
  std::uniform_int_distribution<int> moment(0, 999);
  for (std::size_t i = 0; i < phones_.size(); ++i) {
    phones_[i].state = State::off;
    phones_[i].challenge.clear();
    at(i, storm_begun_ + milliseconds(moment(random_)));
  }
  registered_ = 0;
  answered_ms_.clear();
  retry_after_.clear();
  all_ = {};
  storm_ = true;
  next_line_ = storm_begun_ + seconds(1);
}

void Phones::print_second(Clock::time_point now) {
  const Counts& s = second_;
  std::printf(
      "{\"t\":%.0f,\"phase\":\"%s\",\"sent\":%zu,\"repeated\":%zu,\"401\":%zu,\"503\":%zu,\"200\":%zu,\"failed\":%zu,\"timeouts\":%zu,"
      "\"registered\":%zu}\n",
      seconds_of(now - (storm_ ? storm_begun_ : begun_)), phase(), s.sent, s.repeated, s.challenged, s.unavailable, s.accepted, s.failed,
      s.timeouts, registered_);
  all_.sent += s.sent, all_.repeated += s.repeated, all_.challenged += s.challenged, all_.unavailable += s.unavailable,
      all_.accepted += s.accepted;
  all_.failed += s.failed, all_.timeouts += s.timeouts, all_.pings += s.pings, all_.misrouted += s.misrouted;
  second_ = {};
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

void print_percentiles(const char* name, const std::vector<double>& values) {
  std::printf(",\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"last\":%.3f}", name, percentile(values, 0.5), percentile(values, 0.9),
              percentile(values, 0.99), percentile(values, 1));
}

void Phones::print_end() const {
  std::vector<double> back, offices, alone, refused;
  std::map<unsigned, std::vector<double>> by_wait;
  for (const Phone& phone : phones_) {
    refused.push_back(phone.refused);
    if (!phone.back) continue;
    back.push_back(*phone.back);
    (phone.office ? offices : alone).push_back(*phone.back);
    by_wait[phone.retry_after].push_back(*phone.back);
  }
  std::printf(
      "{\"phase\":\"end\",\"phones\":%zu,\"registered\":%zu,\"back\":%zu,\"sent\":%zu,\"repeated\":%zu,\"401\":%zu,\"503\":%zu,\"200\":%zu,"
      "\"failed\":%zu,\"timeouts\":%zu,\"pings\":%zu,\"misrouted\":%zu,\"unsent\":%zu",
      phones_.size(), registered_, back_, all_.sent, all_.repeated, all_.challenged, all_.unavailable, all_.accepted, all_.failed,
      all_.timeouts, all_.pings, all_.misrouted, wires_.unsent);
  print_percentiles("answered_ms", answered_ms_);
  print_percentiles("back_s", back);
  print_percentiles("offices_back_s", offices);
  print_percentiles("alone_back_s", alone);
  print_percentiles("refused_times", refused);
  std::printf(",\"retry_after\":{");  // how often it was told, and when the half of the phones that were told it last were back
  const char* gap = "";
  for (const auto& [wait, times] : retry_after_) {
    std::printf("%s\"%u\":{\"times\":%zu,\"half_back_s\":%.1f}", gap, wait, times, percentile(by_wait[wait], 0.5));
    gap = ",";
  }
  std::printf("}}\n");
}

int Phones::run() {
  if (!wires_.open()) {
    std::perror("storm_phones");
    return 2;
  }
  while (over == 0) {
    Clock::time_point now = Clock::now();
    if (cut != 0 && !storm_) lose_power(now);
    if (storm_ && wires_.closed() && now >= storm_begun_ && !wires_.open()) return 2;
    wake_due(now);
    const bool more = !due_.empty() && due_.top().when <= now;
    wires_.receive(more ? 0 : 1, [this](std::uint32_t to, std::size_t port, std::string_view message) { take(to, port, message); });
    now = Clock::now();
    for (; now >= next_line_; next_line_ += seconds(1)) print_second(next_line_);
    if (!told_registered_ && registered_ == phones_.size()) {
      told_registered_ = true;
      std::printf("{\"phase\":\"registered\",\"t\":%.3f}\n", seconds_of(now - begun_));
    }
    if (storm_ && (back_ == phones_.size() || now > storm_begun_ + options_.give_up)) break;
  }
  print_second(Clock::now());
  print_end();
  return registered_ == phones_.size() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!postern::load::parse(argc, argv, options)) {
    std::fputs(
        "usage: storm_phones SERVER:PORT COUNT FIRST [--offices NxSIZE] [--rate R] [--expires S] [--refresh S] [--keep-challenge] [--quiet "
        "S] "
        "[--give-up S] [--seed N]\n",
        stderr);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::signal(SIGTERM, [](int) { over = 1; });
  std::signal(SIGUSR1, [](int) { cut = 1; });
  return std::make_unique<Phones>(options)->run();
}
