// A connection of a browser's phone: SIP over WebSocket (RFC 7118), in the clear or by TLS.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "acl/file_descriptor.hpp"
#include "sbc/net/stream_connection.hpp"
#include "sbc/net/stream_listener.hpp"

namespace postern::net {

/// nullptr: there is no memory for it, and `socket` is closed.
std::shared_ptr<StreamConnection> make_web_socket(boost::asio::io_context& io, Streams& streams, const sbc::Flow& flow,
                                                  acl::FileDescriptor socket, const StreamListener::Settings& settings);

}  // namespace postern::net
