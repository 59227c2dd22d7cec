#include "server/api/batch_bytes.h"

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/api/convert.h"
#include "server/ingest/request_ids.h"

namespace twin::api {
namespace {

void SetValue(uint32_t of, pb::Value* value) {
  switch (of % 6) {
    case 0:
      value->set_bool_value(of % 4 < 2);
      break;
    case 1:
      value->set_int_value(-static_cast<int64_t>(of));
      break;
    case 2:
      value->set_string_value(absl::StrCat("text ", of));
      break;
    case 3:
      value->set_time_unix_nano(of * 1'000'000'007LL);
      break;
    default:
      value->set_double_value(of / 8.0);
  }
}

pb::BatchWriteRequest Updates(int count) {
  pb::BatchWriteRequest request;
  for (int i = 0; i < count; ++i) {
    pb::UpdateTwinRequest* update = request.add_operations()->mutable_update_twin();
    update->set_id(absl::StrCat("t", i));
    const auto add = [&](const char* path) {
      pb::Edit* edit = update->add_edits();
      edit->set_path(path);
      return edit->mutable_value();
    };
    add("/soh/value")->set_double_value(i == 3 ? 0.0 : i + 0.5);
    add("/a~1b")->set_int_value(-i);
    add("/on")->set_bool_value(i % 2 == 0);
  }
  return request;
}

pb::BatchWriteRequest Creations(int count) {
  pb::BatchWriteRequest request;
  request.set_each_for_itself(true);
  request.set_batch_number(77'000);
  for (int i = 0; i < count; ++i) {
    pb::CreateTwinRequest* create = request.add_operations()->mutable_create_twin();
    create->mutable_twin()->set_id(absl::StrCat("t", i));
    create->mutable_twin()->set_model_id("dtmi:m:Cell;1");
    for (int k = 0; k < i % 9; ++k) {
      pb::Member* member = create->mutable_twin()->mutable_contents()->add_members();
      member->set_name(absl::StrCat("p", k));
      SetValue(static_cast<uint32_t>(i + k), member->mutable_value());
    }
    if (i % 5 == 0) create->set_create_only(true);
    if (i % 7 == 0) create->set_source_time_unix_nano(i - 3);
    pb::CreateRelationshipRequest* relate = request.add_operations()->mutable_create_relationship();
    relate->mutable_relationship()->set_source_id(absl::StrCat("t", i));
    relate->mutable_relationship()->set_id("r");
    relate->mutable_relationship()->set_name("has");
    relate->mutable_relationship()->set_target_id("t0");
    if (i % 3 == 0) {
      pb::Member* member = relate->mutable_relationship()->mutable_contents()->add_members();
      member->set_name("position");
      member->mutable_value()->set_int_value(i);
    }
    if (i % 4 == 0) relate->set_create_only(true);
    if (i % 6 == 0) relate->set_source_time_unix_nano(i);
  }
  return request;
}

std::string Text(const std::optional<Time>& time) {
  return time.has_value() ? absl::StrCat(time->ns) : "none";
}

std::string Text(const ingest::WriteBatch& batch) {
  std::string all = absl::StrCat(batch.atomic, " ", batch.validate_only, " ", batch.request_id);
  if (batch.patches.has_value()) {
    for (const auto& column : batch.patches->columns()) {
      absl::StrAppend(&all, " [", column.path.size(), column.path[0], static_cast<int>(column.kind),
                      "]");
    }
    for (size_t row = 0; row < batch.patches->rows(); ++row) {
      absl::StrAppend(&all, "\n", batch.patches->Id(row));
      for (size_t i = 0; i < batch.patches->columns().size(); ++i) {
        absl::StrAppend(&all, " ", batch.patches->Get(row, i).DebugString());
      }
    }
  }
  for (const ingest::Operation& operation : batch.operations) {
    if (const auto* put = std::get_if<ingest::PutTwin>(&operation)) {
      absl::StrAppend(&all, "\n", put->id, " ", put->model_id, " ",
                      Value::Map(put->contents).DebugString(), put->condition.create_only, " ",
                      Text(put->source_time));
    } else if (const auto* related = std::get_if<ingest::PutRelationship>(&operation)) {
      absl::StrAppend(&all, "\n", related->source_id, " ", related->relationship_id, " ",
                      related->name, " ", related->target_id, " ",
                      Value::Map(related->contents).DebugString(), related->condition.create_only,
                      " ", Text(related->source_time));
    } else {
      absl::StrAppend(&all, "\nanother, ", operation.index());
    }
  }
  return all;
}

void ExpectSame(const pb::BatchWriteRequest& request) {
  const auto read = ReadBatch(request.SerializeAsString());
  const auto expected = ToBatch(request);
  ASSERT_TRUE(read.has_value() && expected.ok());
  EXPECT_EQ(Text(read->batch), Text(*expected));
  EXPECT_EQ(ingest::DigestOf(read->batch), ingest::DigestOf(*expected));  // kinds of values too
  EXPECT_EQ(read->batch_number, request.batch_number());
}

TEST(ReadBatch, ReadsAlikePatches) {
  pb::BatchWriteRequest request = Updates(100);
  ExpectSame(request);
  request.set_each_for_itself(true);
  request.set_validate_only(true);
  request.set_request_id("a request");
  request.set_batch_number(300);
  ExpectSame(request);
  ExpectSame(Updates(8));
}

TEST(ReadBatch, ReadsCreations) {
  ExpectSame(Creations(1));
  ExpectSame(Creations(300));
}

// Where ToBatch would say something else, or nothing of it is plain.
TEST(ReadBatch, LeavesOthersToProtobuf) {
  const std::vector<std::function<void(pb::BatchWriteRequest*)>> changes = {
      [](auto* request) { request->clear_operations(); },
      [](auto* request) { request->add_operations(); },
      [](auto* request) { request->add_operations()->mutable_delete_twin()->set_id("t"); },
      [](auto* request) { request->set_request_id("Ä"); }};
  for (const auto& change : changes) {
    for (pb::BatchWriteRequest request : {Updates(20), Creations(20)}) {
      change(&request);
      EXPECT_FALSE(ReadBatch(request.SerializeAsString()).has_value());
    }
  }
  using Update = pb::UpdateTwinRequest;
  const std::vector<std::function<void(Update*)>> of_updates = {
      [](Update* update) { update->set_id("Ä"); },
      [](Update* update) { update->set_model_id("dtmi:m;1"); },
      [](Update* update) { update->set_if_match("W/\"5\""); },
      [](Update* update) { update->set_source_time_unix_nano(0); },
      [](Update* update) { update->set_json_patch("[]"); },
      [](Update* update) { update->set_validate_only(true); },
      [](Update* update) { update->set_request_id("r"); },
      [](Update* update) { update->clear_edits(); },
      [](Update* update) { update->mutable_edits(1)->set_path("/other"); },
      [](Update* update) { update->mutable_edits(1)->set_kind(pb::Edit::ADD); },
      [](Update* update) { update->mutable_edits(1)->set_source_time_unix_nano(8); },
      [](Update* update) { update->mutable_edits(1)->clear_value(); },
      [](Update* update) { update->mutable_edits(1)->mutable_value()->set_string_value("x"); },
      [](Update* update) { update->mutable_edits(1)->mutable_value()->set_double_value(1); },
      [](Update* update) { update->mutable_edits(1)->mutable_value()->clear_kind(); },
      [](Update* update) { *update->add_edits() = update->edits(0); }};
  for (size_t i = 0; i < of_updates.size(); ++i) {
    pb::BatchWriteRequest request = Updates(20);
    of_updates[i](request.mutable_operations(13)->mutable_update_twin());
    EXPECT_FALSE(ReadBatch(request.SerializeAsString()).has_value()) << i;
  }
  EXPECT_FALSE(ReadBatch(Updates(7).SerializeAsString()).has_value());  // ToBatch makes no columns
  using Create = pb::CreateTwinRequest;
  const std::vector<std::function<void(Create*)>> of_creations = {
      [](Create* create) { create->set_if_match("*"); },
      [](Create* create) { create->set_validate_only(true); },
      [](Create* create) { create->set_request_id("r"); },
      [](Create* create) { create->mutable_twin()->set_etag("e"); },
      [](Create* create) { create->mutable_twin()->set_contents_json("{}"); },
      [](Create* create) { create->mutable_twin()->set_model_id("ü"); },
      [](Create* create) {
        *create->mutable_twin()->mutable_contents()->add_members() =
            create->twin().contents().members(0);  // the name is there twice
      },
      [](Create* create) {
        create->mutable_twin()->mutable_contents()->mutable_members(1)->clear_value();
      },
      [](Create* create) {
        create->mutable_twin()->mutable_contents()->mutable_members(1)->set_name("ß");
      },
      [](Create* create) {
        create->mutable_twin()
            ->mutable_contents()
            ->mutable_members(1)
            ->mutable_value()
            ->mutable_map_value();
      }};
  for (size_t i = 0; i < of_creations.size(); ++i) {
    pb::BatchWriteRequest request = Creations(20);
    of_creations[i](request.mutable_operations(26)->mutable_create_twin());
    EXPECT_FALSE(ReadBatch(request.SerializeAsString()).has_value()) << i;
  }
}

// Damaged bytes are no batch, or one that protobuf reads as the same.
TEST(ReadBatch, BelievesNoDamagedBytes) {
  std::mt19937 random(1);
  for (const pb::BatchWriteRequest& request : {Updates(12), Creations(6)}) {
    const std::string whole = request.SerializeAsString();
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto read = ReadBatch(absl::string_view(whole).substr(0, size));
      pb::BatchWriteRequest cut;
      if (read.has_value()) {
        ASSERT_TRUE(cut.ParseFromString(whole.substr(0, size))) << size;
        ASSERT_EQ(Text(read->batch), Text(*ToBatch(cut))) << size;
      }
    }
    for (int i = 0; i < 20'000; ++i) {
      std::string damaged = whole;
      damaged[random() % damaged.size()] = static_cast<char>(random());
      const auto read = ReadBatch(damaged);
      if (!read.has_value()) continue;
      pb::BatchWriteRequest parsed;
      ASSERT_TRUE(parsed.ParseFromString(damaged)) << i;
      const auto expected = ToBatch(parsed);
      ASSERT_TRUE(expected.ok()) << i << expected.status();
      ASSERT_EQ(Text(read->batch), Text(*expected)) << i;
      ASSERT_EQ(read->batch_number, parsed.batch_number()) << i;
    }
  }
}

}  // namespace
}  // namespace twin::api
