#include "server/storage/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"

namespace twin::storage {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

std::vector<std::string> Names(const Documents& documents, const Documents::ListOptions& options) {
  const auto list = documents.List("runs", options);
  std::vector<std::string> names;
  if (!list.ok()) return {list.status().ToString()};
  for (const Documents::Document& document : *list) names.push_back(document.name);
  return names;
}

TEST(Documents, KeepsWhatIsPut) {
  MemoryStore store;
  Documents documents(&store);
  EXPECT_THAT(documents.Get("predictors", "soh"), StatusIs(absl::StatusCode::kNotFound, _));
  ASSERT_THAT(documents.Put("predictors", "soh", "one"), IsOk());
  ASSERT_THAT(documents.Put("predictors", "soh", "two"), IsOk());
  EXPECT_EQ(documents.Get("predictors", "soh").value(), "two");
  EXPECT_THAT(documents.Get("subscriptions", "soh"), StatusIs(absl::StatusCode::kNotFound, _));
  ASSERT_THAT(documents.Delete("predictors", "soh"), IsOk());
  ASSERT_THAT(documents.Delete("predictors", "soh"), IsOk());
  EXPECT_THAT(documents.Get("predictors", "soh"), StatusIs(absl::StatusCode::kNotFound, _));
}

TEST(Documents, ListsOneCollectionInOrder) {
  MemoryStore store;
  Documents documents(&store);
  for (const std::string name : {"a/2", "b/1", "a/1", "a/3"}) {
    ASSERT_THAT(documents.Put("runs", name, "x"), IsOk());
  }
  ASSERT_THAT(documents.Put("run", "z", "x"), IsOk());
  ASSERT_THAT(documents.Put("runs2", "0", "x"), IsOk());
  EXPECT_THAT(Names(documents, {}), ElementsAre("a/1", "a/2", "a/3", "b/1"));
  EXPECT_THAT(Names(documents, {.after = "a/2"}), ElementsAre("a/3", "b/1"));
  EXPECT_THAT(Names(documents, {.after = "a/1", .prefix = "a/"}), ElementsAre("a/2", "a/3"));
  EXPECT_THAT(Names(documents, {.prefix = "a/", .documents_max = 2}), ElementsAre("a/1", "a/2"));
  EXPECT_THAT(Names(documents, {.prefix = "c"}), IsEmpty());
  EXPECT_THAT(Names(documents, {.documents_max = 0}), IsEmpty());
}

TEST(Documents, CommitsAllOrNothing) {
  MemoryStore store;
  Documents documents(&store);
  ASSERT_THAT(documents.Put("runs", "old", "x"), IsOk());
  const std::vector<Documents::Change> bad = {
      {"runs", "old", std::nullopt}, {"runs", "new", "x"}, {"runs", "", "x"}};
  EXPECT_THAT(documents.Commit(bad), StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_THAT(Names(documents, {}), ElementsAre("old"));
  ASSERT_THAT(documents.Commit(absl::MakeConstSpan(bad).first(2)), IsOk());
  EXPECT_THAT(Names(documents, {}), ElementsAre("new"));
}

TEST(Documents, RefusesNamesAndBytesThatAreTooLong) {
  MemoryStore store;
  Documents documents(&store);
  ASSERT_THAT(documents.Put("runs", std::string(kDocumentNameBytesMax, 'n'), "x"), IsOk());
  EXPECT_THAT(documents.Put("runs", std::string(kDocumentNameBytesMax + 1, 'n'), "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_THAT(documents.Put("runs", std::string("a\0b", 3), "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  EXPECT_THAT(documents.Put(std::string(kDocumentCollectionBytesMax + 1, 'c'), "n", "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  ASSERT_THAT(documents.Put("runs", "n", std::string(kDocumentBytesMax, 'x')), IsOk());
  EXPECT_THAT(documents.Put("runs", "n", std::string(kDocumentBytesMax + 1, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace twin::storage
