#include "server/api/listen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

TEST(ListenTest, AddressesOfThisMachineNeedNoWord) {
  for (const char* address :
       {"127.0.0.1:0", "127.3.2.1:65535", "localhost:7480", "[::1]:7480", "unix:/run/twind.sock"}) {
    EXPECT_THAT(CheckAddress("--listen", address, /*insecure=*/false), IsOk()) << address;
  }
}

TEST(ListenTest, OthersDo) {
  for (const char* address :
       {"0.0.0.0:7480", "[::]:7480", "fleet.example:7480", "127a.example:1"}) {
    const absl::Status status = CheckAddress("--metrics-listen", address, /*insecure=*/false);
    EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument, HasSubstr("add --insecure")))
        << address;
    EXPECT_THAT(status.message(), HasSubstr("--metrics-listen")) << address;
    EXPECT_THAT(CheckAddress("--listen", address, /*insecure=*/true), IsOk()) << address;
  }
}

// 99999 was 34463 once: the lower 16 bits of it.
TEST(ListenTest, WhatIsNoAddressIsRefusedWithWhatIsAllowed) {
  for (const char* address : {"127.0.0.1:99999", "127.0.0.1:65536", "127.0.0.1:-1",
                              "127.0.0.1:", "127.0.0.1", ":7480", "7480", "", "127.0.0.1:http",
                              "::1:7480", "127.0.0.1:7480 ", "dns:///localhost:1", "[]:7480"}) {
    EXPECT_THAT(CheckAddress("--listen", address, /*insecure=*/true),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("--listen is '"), HasSubstr("0 to 65535"))))
        << address;
  }
  EXPECT_THAT(CheckAddress("--listen", "unix:", true),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("without a path")));
}

}  // namespace
}  // namespace twin::api
