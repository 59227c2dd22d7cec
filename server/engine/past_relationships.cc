#include "server/engine/past_relationships.h"

#include <utility>

#include "server/base/check.h"
#include "server/engine/reader_values.h"

namespace twin::engine {

using query::Field;
using query::TypeKind;
using query::Vector;

PastRelationships::PastRelationships(const graph::GraphView* view, const query::Catalog* catalog,
                                     std::shared_ptr<const PastIndex> index, Time at)
    : view_(*view), catalog_(*catalog), index_(std::move(index)), at_(at) {}

const PastIndex::Relationship* PastRelationships::Ended(uint32_t relationship) const {
  const RelationshipNumber number(relationship);
  if (view_.Exists(number)) return nullptr;
  const PastIndex::Relationship* const found = index_->Find(number);
  TWIN_CHECK(found != nullptr) << "no relationship " << relationship;
  return found;
}

graph::EndedRelationship PastRelationships::Get(uint32_t relationship) const {
  if (const PastIndex::Relationship* const ended = Ended(relationship)) return ended->ended;
  const RelationshipNumber number(relationship);
  const graph::Relationship found = view_.Get(number);
  graph::EndedRelationship result;
  result.relationship = number;
  result.type = found.type;
  result.source = found.source;
  result.target = found.target;
  result.version = found.version;
  result.begin = view_.BeginOf(number);
  return result;
}

void PastRelationships::Types(absl::Span<const uint32_t> relationships,
                              std::vector<uint32_t>* types) const {
  types->resize(relationships.size());
  for (size_t i = 0; i < relationships.size(); ++i) {
    const PastIndex::Relationship* const ended = Ended(relationships[i]);
    (*types)[i] = ended != nullptr ? ended->ended.type.value
                                   : view_.LinkOf(RelationshipNumber(relationships[i])).type.value;
  }
}

void PastRelationships::Ends(absl::Span<const uint32_t> relationships,
                             std::vector<uint32_t>* sources, std::vector<uint32_t>* targets) const {
  sources->resize(relationships.size());
  targets->resize(relationships.size());
  for (size_t i = 0; i < relationships.size(); ++i) {
    if (const PastIndex::Relationship* const ended = Ended(relationships[i])) {
      (*sources)[i] = ended->ended.source.value;
      (*targets)[i] = ended->ended.target.value;
    } else {
      const graph::Link link = view_.LinkOf(RelationshipNumber(relationships[i]));
      (*sources)[i] = link.source.value;
      (*targets)[i] = link.target.value;
    }
  }
}

void PastRelationships::Read(RelationshipTypeId type, ColumnId column,
                             absl::Span<const uint32_t> relationships, Vector* out) const {
  out->Reset(catalog_.relationship_type(type).columns[column.value].type, relationships.size());
  for (size_t i = 0; i < relationships.size(); ++i) {
    const RelationshipNumber number(relationships[i]);
    const uint32_t former = index_->FormerSlot(number, column, at_);
    if (former != UINT32_MAX) {
      SetValue(view_.FormerValueOf(former), i, out);
    } else if (const PastIndex::Relationship* const ended = Ended(relationships[i])) {
      SetValue(view_.EndedRelationshipValue(ended->slot, column), i, out);
    } else {
      SetValue(view_.GetValue(number, column), i, out);
    }
  }
}

bool PastRelationships::HasChangedSince(const graph::EndedRelationship& relationship) const {
  const size_t columns = catalog_.relationship_type(relationship.type).columns.size();
  for (uint32_t column = 0; column < columns; ++column) {
    if (index_->FormerSlot(relationship.relationship, ColumnId(column), at_) != UINT32_MAX) {
      return true;
    }
  }
  return false;
}

void PastRelationships::ReadField(absl::Span<const uint32_t> relationships, Field field,
                                  Vector* out) const {
  const size_t rows = relationships.size();
  switch (field) {
    case Field::kId:
    case Field::kSourceId:
    case Field::kTargetId:
    case Field::kName:
    case Field::kEtag: {
      out->Reset(TypeKind::kString, rows);
      Texts texts(out);
      for (size_t i = 0; i < rows; ++i) {
        const PastIndex::Relationship* const ended = Ended(relationships[i]);
        const graph::EndedRelationship found = Get(relationships[i]);
        if (field == Field::kId) {
          out->strings[i] = ended != nullptr ? view_.EndedRelationshipId(ended->slot)
                                             : view_.Get(RelationshipNumber(relationships[i])).id;
        } else if (field == Field::kSourceId) {
          out->strings[i] = view_.IdOf(found.source);
        } else if (field == Field::kTargetId) {
          out->strings[i] = view_.IdOf(found.target);
        } else if (field == Field::kName) {
          out->strings[i] = catalog_.relationship_type(found.type).name;
        } else if (HasChangedSince(found)) {
          out->SetNull(i);  // what it was then is not kept
        } else {
          texts.Set(i, EtagOf(found.version));
        }
      }
      return;
    }
    case Field::kValidFrom:
      out->Reset(TypeKind::kTime, rows);
      for (size_t i = 0; i < rows; ++i) out->ints[i] = Get(relationships[i]).begin.ns;
      return;
    case Field::kValidTo:
      out->Reset(TypeKind::kTime, rows);
      for (size_t i = 0; i < rows; ++i) {
        const PastIndex::Relationship* const ended = Ended(relationships[i]);
        if (ended == nullptr) {
          out->SetNull(i);
        } else {
          out->ints[i] = ended->ended.end.ns;
        }
      }
      return;
    case Field::kModel:
    case Field::kLastUpdateTime:
    case Field::kMetadata:
      out->Reset(TypeKind::kNull, rows);
      return;
  }
}

}  // namespace twin::engine
