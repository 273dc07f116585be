#include "sbc/net/control_client.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>

#include "acl/file_descriptor.hpp"

namespace postern::net {
namespace {

constexpr int patience_ms = 60'000;  // for the next bytes of an answer: a reload takes its time

std::string error_text(int error) { return std::generic_category().message(error); }

NoAnswer refused(std::string message) { return {false, std::move(message)}; }

/// Who may use it, as far as that can be seen.
std::string whose(const std::string& socket) {
  struct stat status{};
  if (::stat(socket.c_str(), &status) != 0) return "ask as root, or as the user that Postern runs as";
  const group* entry = ::getgrgid(status.st_gid);  // NOLINT(concurrency-mt-unsafe): one thread
  const std::string name = entry == nullptr ? std::to_string(status.st_gid) : entry->gr_name;
  return fmt::format("it is for the group {}: ask as a member of it, or as root", name);
}

NoAnswer not_connected(const std::string& socket, int error) {
  if (error == EACCES || error == EPERM) return refused(fmt::format("may not use {}: {}", socket, whose(socket)));
  if (error == EAGAIN) return refused(fmt::format("{}: too many ask at once, try again", socket));
  return {true, fmt::format("no daemon answers at {} ({}): is Postern running, and with this configuration?", socket, error_text(error))};
}

/// The whole answer; nullopt: it broke off.
std::optional<std::string> exchange(int fd, std::string_view request) {
  // The daemon may have refused already, and have closed its end.
  static_cast<void>(::send(fd, request.data(), request.size(), MSG_NOSIGNAL));
  std::string answer;
  std::array<char, 65'536> buffer{};
  while (true) {
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, patience_ms) <= 0) return std::nullopt;
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
    // What it had not read of the request resets the connection behind the answer.
    if (size <= 0) return answer;
    answer.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace

std::variant<nlohmann::ordered_json, NoAnswer> ask_daemon(const std::string& socket, const std::string& command,
                                                          const std::map<std::string, std::string>& texts) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return NoAnswer{true, fmt::format("{} is too long for the path of a socket", socket)};
  std::ranges::copy(socket, std::begin(address.sun_path));
  const acl::FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return not_connected(socket, errno);
  nlohmann::json request(texts);
  request["command"] = command;
  const auto text = exchange(fd.get(), request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (!text) return refused(fmt::format("the daemon at {} does not go on answering", socket));
  auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
  if (json.is_discarded()) return refused(fmt::format("the daemon at {} broke off its answer", socket));
  if (json.is_object() && json.contains("error")) return refused(json["error"].get<std::string>());
  return json;
}

}  // namespace postern::net
