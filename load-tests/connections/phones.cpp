// Very many phones, each registered over a TLS connection of its own, which it keeps alive as phones do: by a ping of CRLFCRLF that has to
// be answered (RFC 5626 §3.5.1, §4.4.1), and by registering again before its registration ends. One thread, one epoll.
//   phones SERVER:PORT CA NAME COUNT FIRST SOURCE[+N] [RATE [PING [EXPIRES]]]
// CA, NAME: whose certificate the server must show, and for which name. COUNT phones from extension FIRST on; the password of each is
// "secret" and its extension. They come from N addresses from SOURCE on, in turn, RATE a second (200), ping after PING seconds (60) and
// register for EXPIRES seconds (300), again after half of them. A phone that loses its connection stays away.
// A line for each thing that happens: `registered N` once all are, `invite EXTENSION NANOSECONDS` (CLOCK_MONOTONIC; answered 486),
// `lost EXTENSION REASON`; at SIGTERM what was seen in all. Exit status 1: a phone was lost.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "load-tests/sip_text.hpp"

namespace {

using postern::load::credentials;
using postern::load::header;
using postern::load::lines_of;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds connect_limit{10};
constexpr seconds pong_limit{10};      // RFC 5626 §4.4.1: then the flow has failed
constexpr seconds register_limit{32};  // RFC 3261 §17.1.2.2: timer F

volatile std::sig_atomic_t over = 0;

struct Options {
  sockaddr_in server{};
  std::string host, name;
  std::uint32_t source = 0;
  unsigned sources = 1;
  std::size_t count = 0;
  unsigned first = 0;
  double rate = 200;
  seconds ping{60};
  seconds expires{300};
};

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

enum class State : std::uint8_t { waiting, connecting, shaking_hands, open, lost };

struct Phone {
  State state = State::waiting;
  bool registered = false;
  bool challenged = false;
  int socket = -1;
  std::unique_ptr<SSL, Free> ssl;
  unsigned cseq = 0;
  std::string at, held;  // its own address and port; what has come of a message
  Clock::time_point next_register;
  Clock::time_point next_ping;
  std::optional<Clock::time_point> deadline, register_deadline;  // of the connection or a pong; of a REGISTER
};

class Phones {
 public:
  Phones(Options options, SSL_CTX* context)
      : options_(std::move(options)), context_(context), epoll_(::epoll_create1(EPOLL_CLOEXEC)), phones_(options_.count) {}

  /// Until SIGTERM; true: none was lost.
  bool run();

 private:
  void open_due(Clock::time_point now);
  bool connect(std::size_t index);
  void handle(std::size_t index);
  void shake_hands(std::size_t index);
  void read(std::size_t index);
  void take_messages(std::size_t index);
  void take(std::size_t index, std::string_view message);
  void on_response(std::size_t index, std::string_view message);
  void on_request(std::size_t index, std::string_view message);
  void keep_alive(std::size_t index, Clock::time_point now);
  void send_register(std::size_t index, std::string_view challenge);
  void send(std::size_t index, const std::string& octets);
  void watch(std::size_t index, unsigned events, int operation);
  void lose(std::size_t index, const std::string& why);
  void tell_when_all_are_there();
  [[nodiscard]] std::string extension(std::size_t index) const { return std::to_string(options_.first + index); }

  Options options_;
  SSL_CTX* context_;
  int epoll_;
  std::vector<Phone> phones_;
  std::size_t opened_ = 0, registered_ = 0, lost_ = 0, pongs_ = 0, refreshes_ = 0, invites_ = 0;
  bool told_ = false;
  Clock::time_point start_ = Clock::now();
};

void Phones::watch(std::size_t index, unsigned events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = index;
  ::epoll_ctl(epoll_, operation, phones_[index].socket, &event);
}

void Phones::lose(std::size_t index, const std::string& why) {
  Phone& phone = phones_[index];
  if (phone.state == State::lost) return;
  std::printf("lost %s %s\n", extension(index).c_str(), why.c_str());
  ERR_clear_error();
  phone.state = State::lost;
  phone.ssl.reset();
  if (phone.socket >= 0) ::close(phone.socket);
  ++lost_;
  tell_when_all_are_there();
}

void Phones::tell_when_all_are_there() {
  if (told_ || registered_ + lost_ < phones_.size()) return;
  told_ = true;
  std::printf("registered %zu\n", registered_);
}

bool Phones::connect(std::size_t index) {
  Phone& phone = phones_[index];
  phone.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (phone.socket < 0) return false;
  const int on = 1;
  ::setsockopt(phone.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(phone.socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);  // the port is chosen when it is known whereto
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(options_.source + static_cast<std::uint32_t>(index % options_.sources));
  if (::bind(phone.socket, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) return false;
  if (::connect(phone.socket, reinterpret_cast<const sockaddr*>(&options_.server), sizeof options_.server) != 0 && errno != EINPROGRESS)
    return false;
  phone.ssl.reset(SSL_new(context_));
  SSL_set_fd(phone.ssl.get(), phone.socket);
  SSL_set_connect_state(phone.ssl.get());
  if (SSL_set1_host(phone.ssl.get(), options_.name.c_str()) != 1) return false;
  phone.state = State::connecting;
  phone.deadline = Clock::now() + connect_limit;
  watch(index, EPOLLOUT, EPOLL_CTL_ADD);
  return true;
}

void Phones::open_due(Clock::time_point now) {
  const double due = std::chrono::duration<double>(now - start_).count() * options_.rate;
  for (; opened_ < phones_.size() && static_cast<double>(opened_) <= due; ++opened_) {
    if (!connect(opened_)) lose(opened_, std::string("cannot connect: ") + std::generic_category().message(errno));
  }
}

void Phones::shake_hands(std::size_t index) {
  Phone& phone = phones_[index];
  const int result = SSL_do_handshake(phone.ssl.get());
  if (result != 1) {
    const int error = SSL_get_error(phone.ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ) return watch(index, EPOLLIN, EPOLL_CTL_MOD);
    if (error == SSL_ERROR_WANT_WRITE) return watch(index, EPOLLOUT, EPOLL_CTL_MOD);
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    return lose(index, std::string("no handshake: ") + (reason == nullptr ? "closed" : reason));
  }
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(phone.socket, reinterpret_cast<sockaddr*>(&own), &size);
  std::array<char, INET_ADDRSTRLEN> text{};
  phone.at = std::string(::inet_ntop(AF_INET, &own.sin_addr, text.data(), text.size())) + ":" + std::to_string(ntohs(own.sin_port));
  phone.state = State::open;
  phone.deadline.reset();
  phone.next_ping = Clock::now() + options_.ping;
  watch(index, EPOLLIN, EPOLL_CTL_MOD);
  send_register(index, {});
}

void Phones::send(std::size_t index, const std::string& octets) {
  // little enough that an idle connection takes it at once
  if (SSL_write(phones_[index].ssl.get(), octets.data(), static_cast<int>(octets.size())) != static_cast<int>(octets.size()))
    lose(index, "cannot write");
}

void Phones::send_register(std::size_t index, std::string_view challenge) {
  Phone& phone = phones_[index];
  const std::string user = extension(index), uri = "sip:" + options_.host, aor = "<sip:" + user + "@" + options_.host + ">";
  phone.challenged = !challenge.empty();
  if (!phone.register_deadline) phone.register_deadline = Clock::now() + register_limit;
  const std::string number = std::to_string(++phone.cseq);
  send(index, "REGISTER " + uri + " SIP/2.0\r\nVia: SIP/2.0/TLS " + phone.at + ";branch=z9hG4bK" + user + "x" + number +
                  ";rport\r\nMax-Forwards: 70\r\nFrom: " + aor + ";tag=t" + user + "\r\nTo: " + aor + "\r\nCall-ID: phones-" + user +
                  "\r\nCSeq: " + number + " REGISTER\r\nContact: <sip:" + user + "@" + phone.at +
                  ";transport=tls>\r\nUser-Agent: Yealink SIP-T46U 108.86.0.20\r\nExpires: " + std::to_string(options_.expires.count()) +
                  "\r\n" + (phone.challenged ? credentials(challenge, user, uri) : "") + "Content-Length: 0\r\n\r\n");
}

void Phones::on_response(std::size_t index, std::string_view message) {
  Phone& phone = phones_[index];
  const int status = std::atoi(std::string(message.substr(8, 3)).c_str());
  if (status < 200 || std::strtoul(header(message, "CSeq").c_str(), nullptr, 10) != phone.cseq) return;
  if (status == 401 && !phone.challenged) return send_register(index, header(message, "WWW-Authenticate"));
  if (status != 200) return lose(index, "not registered: " + std::to_string(status));
  phone.register_deadline.reset();
  phone.next_register = Clock::now() + options_.expires / 2;
  if (phone.registered) {
    ++refreshes_;
    return;
  }
  phone.registered = true;
  ++registered_;
  tell_when_all_are_there();
}

void Phones::on_request(std::size_t index, std::string_view message) {
  const std::string_view method = message.substr(0, message.find(' '));
  if (method == "ACK") return;
  if (method == "INVITE") {
    ++invites_;
    std::printf("invite %s %lld\n", extension(index).c_str(), static_cast<long long>(Clock::now().time_since_epoch().count()));
  }
  send(index, (method == "INVITE" ? "SIP/2.0 486 Busy Here\r\n" : "SIP/2.0 200 OK\r\n") + lines_of(message, "Via") +
                  lines_of(message, "From") + "To: " + header(message, "To") + ";tag=t" + extension(index) + "\r\n" +
                  lines_of(message, "Call-ID") + lines_of(message, "CSeq") + "Content-Length: 0\r\n\r\n");
}

void Phones::take(std::size_t index, std::string_view message) {
  if (message.starts_with("SIP/2.0 ")) return on_response(index, message);
  on_request(index, message);
}

void Phones::take_messages(std::size_t index) {
  Phone& phone = phones_[index];
  while (phone.state == State::open && !phone.held.empty()) {
    if (phone.held.starts_with("\r\n")) {
      phone.held.erase(0, 2);
      if (phone.deadline) ++pongs_;
      phone.deadline.reset();
      continue;
    }
    const std::size_t head = phone.held.find("\r\n\r\n");
    if (head == std::string::npos) break;
    const std::size_t size = head + 4 + std::strtoul(header(phone.held, "Content-Length").c_str(), nullptr, 10);
    if (phone.held.size() < size) break;
    const std::string message = phone.held.substr(0, size);
    phone.held.erase(0, size);
    take(index, message);
  }
  if (phone.held.empty()) std::string().swap(phone.held);
}

void Phones::read(std::size_t index) {
  Phone& phone = phones_[index];
  std::array<char, 16384> buffer;  // NOLINT: filled as far as it is used
  while (phone.state == State::open) {
    const int got = SSL_read(phone.ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got > 0) {
      phone.held.append(buffer.data(), static_cast<std::size_t>(got));
      take_messages(index);
      continue;
    }
    const int error = SSL_get_error(phone.ssl.get(), got);
    if (error != SSL_ERROR_WANT_READ) lose(index, error == SSL_ERROR_ZERO_RETURN ? "closed" : "broken");
    return;
  }
}

void Phones::handle(std::size_t index) {
  Phone& phone = phones_[index];
  ERR_clear_error();
  if (phone.state == State::connecting) phone.state = State::shaking_hands;
  if (phone.state == State::shaking_hands) return shake_hands(index);
  if (phone.state == State::open) read(index);
}

void Phones::keep_alive(std::size_t index, Clock::time_point now) {
  Phone& phone = phones_[index];
  if (phone.deadline && now > *phone.deadline) return lose(index, phone.state == State::open ? "no pong" : "no connection in time");
  if (phone.register_deadline && now > *phone.register_deadline) return lose(index, "no answer to its REGISTER");
  if (phone.state != State::open) return;
  if (now >= phone.next_ping && !phone.deadline) {
    phone.next_ping = now + options_.ping;
    phone.deadline = now + pong_limit;
    send(index, "\r\n\r\n");
  }
  if (phone.state == State::open && phone.registered && !phone.register_deadline && now >= phone.next_register) send_register(index, {});
}

bool Phones::run() {
  std::array<epoll_event, 256> events;  // NOLINT: filled as far as it is used
  constexpr std::chrono::milliseconds tick{20};
  Clock::time_point next_look = start_;
  while (over == 0) {
    const int came =
        ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), opened_ < phones_.size() ? 2 : static_cast<int>(tick.count()));
    for (int i = 0; i < came; ++i) handle(events[static_cast<std::size_t>(i)].data.u64);
    const Clock::time_point now = Clock::now();
    open_due(now);
    if (now < next_look) continue;
    next_look = now + tick;
    for (std::size_t i = 0; i < opened_; ++i) {
      if (phones_[i].state != State::lost) keep_alive(i, now);
    }
  }
  std::printf("held %zu of %zu: %zu pings answered, %zu registrations refreshed, %zu calls\n",
              registered_ + lost_ == phones_.size() ? phones_.size() - lost_ : 0, phones_.size(), pongs_, refreshes_, invites_);
  return lost_ == 0 && registered_ == phones_.size();
}

bool parse(int argc, char** argv, Options& options) {
  if (argc < 7) return false;
  const std::string server = argv[1], sources = argv[6];
  const std::size_t colon = server.find(':'), plus = sources.find('+');
  if (colon == std::string::npos) return false;
  options.host = server.substr(0, colon);
  options.server.sin_family = AF_INET;
  options.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(server.c_str() + colon + 1)));
  in_addr source{};
  if (::inet_pton(AF_INET, options.host.c_str(), &options.server.sin_addr) != 1) return false;
  if (::inet_pton(AF_INET, sources.substr(0, plus).c_str(), &source) != 1) return false;
  options.source = ntohl(source.s_addr);
  if (plus != std::string::npos) options.sources = static_cast<unsigned>(std::atoi(sources.c_str() + plus + 1));
  options.name = argv[3];
  options.count = std::strtoul(argv[4], nullptr, 10);
  options.first = static_cast<unsigned>(std::atoi(argv[5]));
  if (argc > 7) options.rate = std::atof(argv[7]);
  if (argc > 8) options.ping = seconds(std::atoi(argv[8]));
  if (argc > 9) options.expires = seconds(std::atoi(argv[9]));
  return options.count > 0 && options.sources > 0 && options.rate > 0 && options.ping.count() > 0 && options.expires.count() > 1;
}

void raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: phones SERVER:PORT CA NAME COUNT FIRST SOURCE[+N] [RATE [PING [EXPIRES]]]\n", stderr);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, [](int) { over = 1; });
  raise_file_limit();
  const std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_file(context.get(), argv[2]) != 1) {
    std::fprintf(stderr, "phones: %s holds no certificate\n", argv[2]);
    return 2;
  }
  return Phones(std::move(options), context.get()).run() ? 0 : 1;
}
