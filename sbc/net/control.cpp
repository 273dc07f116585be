#include "sbc/net/control.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "sbc/net/control_socket.hpp"
#include "sbc/net/start_error.hpp"

namespace postern::net {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds retry_after{1};

/// The texts of a request, its command among them; none: it is no request.
ControlArguments texts_in(std::string_view line) {
  ControlArguments texts;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return texts;
  for (const auto& [name, value] : json.items()) {
    if (value.is_string()) texts.emplace(name, value.get<std::string>());
  }
  return texts;
}

}  // namespace

AnswerPart whole_answer(std::string json) {
  return [text = std::move(json) + "\n"](std::string& out) {
    out += text;
    return false;
  };
}

AnswerPart refusal(std::string_view why) { return whole_answer(nlohmann::json{{"error", why}}.dump()); }

struct Control::Impl : std::enable_shared_from_this<Control::Impl> {
  class Client;

  Impl(asio::io_context& context, ControlCommands given) : io(context), acceptor(context), retry(context), commands(std::move(given)) {}

  void accept();
  void on_accept(error_code error, stream_protocol::socket socket);
  void answer_to(std::string_view line, Answer answer) const;

  asio::io_context& io;
  stream_protocol::acceptor acceptor;
  asio::steady_timer retry;
  ControlCommands commands;
  std::optional<ControlSocket> file;
  std::size_t clients = 0;
};

class Control::Impl::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(stream_protocol::socket socket, std::shared_ptr<Impl> control)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), control_(std::move(control)) {
    ++control_->clients;
  }
  ~Client() { end(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void do_read() {
    arm_timer(timeout);
    asio::async_read_until(socket_, asio::dynamic_buffer(request_, max_request), '\n',
                           [self = shared_from_this()](error_code error, std::size_t size) { self->on_read(error, size); });
  }
  void refuse(std::string_view why) { answer(refusal(why)); }

 private:
  void on_read(error_code error, std::size_t size) {
    if (error == asio::error::not_found) return refuse("the request is too long");
    if (error) return end();
    arm_timer(longest_work);
    control_->answer_to(std::string_view(request_).substr(0, size),
                        [self = shared_from_this()](AnswerPart first) { self->answer(std::move(first)); });
  }

  void answer(AnswerPart first) {
    if (ended_) return;
    next_part_ = std::move(first);
    do_write();
  }

  void do_write() {
    part_.clear();
    const bool more = next_part_(part_);
    arm_timer(timeout);
    asio::async_write(socket_, asio::buffer(part_), [self = shared_from_this(), more](error_code error, std::size_t) {
      if (error || !more) return self->end();
      self->do_write();
    });
  }

  void arm_timer(std::chrono::seconds patience) {
    timer_.expires_after(patience);
    timer_.async_wait([self = weak_from_this()](error_code stopped) {
      const auto client = self.lock();
      if (!stopped && client) client->end();
    });
  }

  /// Whoever still has its answer to give may keep it much longer.
  void end() {
    if (std::exchange(ended_, true)) return;
    --control_->clients;
    timer_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

  stream_protocol::socket socket_;
  asio::steady_timer timer_;
  std::shared_ptr<Impl> control_;
  std::string request_, part_;
  AnswerPart next_part_;
  bool ended_ = false;
};

void Control::Impl::answer_to(std::string_view line, Answer answer) const {
  const ControlArguments texts = texts_in(line);
  const auto command = texts.find("command");
  if (command == texts.end()) return answer(refusal("a request is a line such as {\"command\": \"registrations\"}"));
  const auto found = commands.find(command->second);
  if (found == commands.end()) return answer(refusal("this version of the daemon does not know the command " + command->second));
  found->second(texts, std::move(answer));
}

void Control::Impl::accept() {
  acceptor.async_accept(
      [self = shared_from_this()](error_code error, stream_protocol::socket socket) { self->on_accept(error, std::move(socket)); });
}

void Control::Impl::on_accept(error_code error, stream_protocol::socket socket) {
  if (!acceptor.is_open()) return;
  if (error) {
    // Out of descriptors, most likely: trying again at once would keep the thread busy.
    retry.expires_after(retry_after);
    retry.async_wait([self = shared_from_this()](error_code stopped) {
      if (!stopped) self->accept();
    });
    return;
  }
  const bool room = clients < max_clients;
  const auto client = std::make_shared<Client>(std::move(socket), shared_from_this());
  if (room)
    client->do_read();
  else
    client->refuse("too many ask at once: try again");
  accept();
}

Control::Control(asio::io_context& io, const ControlOptions& options, ControlCommands commands, Log& log)
    : impl_(std::make_shared<Impl>(io, std::move(commands))) {
  ControlSocket& file = impl_->file.emplace(options);
  // One that merely is where everyone's is does not keep a second Postern from starting.
  if (file.state() == ControlSocket::State::taken && options.written) throw StartError("control: " + file.problem(), "control");
  if (!file.problem().empty()) {
    const bool open = file.state() == ControlSocket::State::open;
    const std::string message = open ? file.problem() : file.problem() + "; until then `postern registrations` and the like find no daemon";
    log.write(LogLevel::warning, "control", {{"path", options.path}, {"message", message}});
  }
  if (file.state() != ControlSocket::State::open) return;
  impl_->acceptor.assign(stream_protocol(), file.release());
  impl_->accept();
}

Control::~Control() {
  impl_->file.reset();
  error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->retry.cancel();
}

bool Control::listens() const { return impl_->acceptor.is_open(); }

}  // namespace postern::net
