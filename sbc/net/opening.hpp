// What is said of a socket that cannot be opened.
#pragma once

#include <boost/system/system_error.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "sbc/options.hpp"

namespace postern::net {

/// A socket that is to be opened.
struct Opening {
  std::string what;  ///< "listener phones: cannot listen on"
  char kind;         ///< 'u' or 't', as ss(8) names UDP and TCP
  sbc::Endpoint bind;
  std::string key;  ///< of the configuration
};

/// Throws the StartError that says what is wrong and what to do.
[[noreturn]] void refuse(const Opening& opening, const std::error_code& error);

/// What open() gives. What the system refuses it becomes a StartError.
template <class Open>
auto opened(const Opening& opening, Open&& open) {
  try {
    return open();
  } catch (const std::system_error& error) {
    refuse(opening, error.code());
  } catch (const boost::system::system_error& error) {
    refuse(opening, error.code());
  }
}

/// Sockets of ours that let another one of ours have their port as well, as long as this lives.
template <class Socket>
class SharedPorts {
 public:
  SharedPorts() = default;
  ~SharedPorts() {
    for (Socket* socket : sockets_) socket->unshare();
  }
  SharedPorts(const SharedPorts&) = delete;
  SharedPorts& operator=(const SharedPorts&) = delete;

  void add(Socket& socket) {
    sockets_.push_back(&socket);
    socket.share();
  }
  [[nodiscard]] bool empty() const { return sockets_.empty(); }

 private:
  std::vector<Socket*> sockets_;
};

/// "listeners[1]", as the configuration's problems name it.
std::string listener_key(const std::vector<sbc::ListenerOptions>& wanted, const sbc::ListenerOptions& listener);

}  // namespace postern::net
