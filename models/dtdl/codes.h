// The codes of findings: stable words, those of the DTDL parsing errors where there is one.
// docs/dtdl-codes.md lists them for readers; a test compares the two lists.
#ifndef TWIN_MODELS_DTDL_CODES_H_
#define TWIN_MODELS_DTDL_CODES_H_

#include "absl/strings/string_view.h"

namespace twin::dtdl::code {

// the text is not JSON (RFC 8259, UTF-8)
inline constexpr absl::string_view kNotJson = "notJson";
// a text is an Interface or an array of them; something else stands there
inline constexpr absl::string_view kNotJsonObject = "notJsonObject";
// a top-level element has no "@context"
inline constexpr absl::string_view kMissingContext = "missingContext";
// "@context" is an empty array
inline constexpr absl::string_view kEmptyContext = "emptyContext";
// a context is neither a string nor an object
inline constexpr absl::string_view kInvalidContext = "invalidContext";
// no context names the version of DTDL
inline constexpr absl::string_view kMissingDtdlContext = "missingDtdlContext";
// a context id has no version
inline constexpr absl::string_view kMissingContextVersion = "missingContextVersion";
// a context id is not a valid DTMI
inline constexpr absl::string_view kInvalidContextSpecifier = "invalidContextSpecifier";
// a context id is not valid in this version of DTDL
inline constexpr absl::string_view kInvalidContextSpecifierForVersion =
    "invalidContextSpecifierForVersion";
// a context is not a DTMI
inline constexpr absl::string_view kNonDtmiContextSpecifier = "nonDtmiContextSpecifier";
// that version of DTDL is not known
inline constexpr absl::string_view kUnrecognizedContextVersion = "unrecognizedContextVersion";
// that version of DTDL is not accepted here
inline constexpr absl::string_view kDisallowedContextVersion = "disallowedContextVersion";
// a context id ends in an unknown fragment
inline constexpr absl::string_view kInvalidContextFragment = "invalidContextFragment";
// that version of DTDL knows no context fragments
inline constexpr absl::string_view kDisallowedContextFragment = "disallowedContextFragment";
// a context of limits stands in the wrong place
inline constexpr absl::string_view kMisplacedLimitContext = "misplacedLimitContext";
// #limitless is not followed by a context of limits
inline constexpr absl::string_view kMissingLimitContext = "missingLimitContext";
// those limits are not accepted here
inline constexpr absl::string_view kDisallowedLimitContext = "disallowedLimitContext";
// the DTDL context stands after that of an extension
inline constexpr absl::string_view kDtdlContextFollowsAffiliate = "dtdlContextFollowsAffiliate";
// the extension is not known
inline constexpr absl::string_view kUnresolvableContextSpecifier = "unresolvableContextSpecifier";
// that version of the extension is not known
inline constexpr absl::string_view kUnresolvableContextVersion = "unresolvableContextVersion";
// DTDL knows no local contexts
inline constexpr absl::string_view kDisallowedLocalContext = "disallowedLocalContext";
// a local context is not the last one
inline constexpr absl::string_view kLocalContextNotLast = "localContextNotLast";

// "@graph" at the top of a text
inline constexpr absl::string_view kTopLevelGraphDisallowed = "topLevelGraphDisallowed";
// a keyword at the top of a text that DTDL does not use
inline constexpr absl::string_view kTopLevelKeywordDisallowed = "topLevelKeywordDisallowed";
// "@graph" in an element
inline constexpr absl::string_view kGraphDisallowed = "graphDisallowed";
// a keyword that DTDL does not use
inline constexpr absl::string_view kKeywordDisallowed = "keywordDisallowed";
// an object with nothing but "@id" where an element should be
inline constexpr absl::string_view kIdReference = "idReference";

// a top-level element has no "@id"
inline constexpr absl::string_view kMissingTopLevelId = "missingTopLevelId";
// an element that needs an "@id" has none
inline constexpr absl::string_view kMissingRequiredId = "missingRequiredId";
// "@id" is not a string
inline constexpr absl::string_view kIdNotString = "idNotString";
// "@id" is not a valid DTMI
inline constexpr absl::string_view kInvalidId = "invalidId";
// "@id" is too long
inline constexpr absl::string_view kIdTooLong = "idTooLong";
// "@id" is too long for an Interface
inline constexpr absl::string_view kIdTooLongForType = "idTooLongForType";
// "@id" begins with a prefix that belongs to the language or an extension
inline constexpr absl::string_view kReservedId = "reservedId";
// a reference names an id of the language that does not exist
inline constexpr absl::string_view kUndefinedReservedId = "undefinedReservedId";
// two elements have the same id
inline constexpr absl::string_view kDuplicateDefinition = "duplicateDefinition";

// a top-level element is not an Interface
inline constexpr absl::string_view kTypeNotRootable = "typeNotRootable";
// an element or reference has a type that does not belong there, or none
inline constexpr absl::string_view kBadType = "badType";
// an element has two DTDL types
inline constexpr absl::string_view kMultipleMaterialTypes = "multipleMaterialTypes";
// a co-type that only other types build on
inline constexpr absl::string_view kAbstractSupplementalType = "abstractSupplementalType";
// a type that no context defines
inline constexpr absl::string_view kTypeUndefinedTerm = "typeUndefinedTerm";
// a type that is neither a term nor a DTMI
inline constexpr absl::string_view kTypeNotDtmiNorTerm = "typeNotDtmiNorTerm";
// a type that begins with dtmi: but is not a DTMI
inline constexpr absl::string_view kTypeInvalidDtmi = "typeInvalidDtmi";
// a type that is something else than a type
inline constexpr absl::string_view kTypeIrrelevantDtmiOrTerm = "typeIrrelevantDtmiOrTerm";
// a co-type that this class of element cannot have
inline constexpr absl::string_view kInvalidCotype = "invalidCotype";
// a co-type that elements of this version of DTDL cannot have
inline constexpr absl::string_view kInvalidCotypeVersion = "invalidCotypeVersion";
// a co-type needs another one
inline constexpr absl::string_view kMissingCocotype = "missingCocotype";
// a co-type excludes another one
inline constexpr absl::string_view kDisallowedCocotype = "disallowedCocotype";
// two co-types bring the same member
inline constexpr absl::string_view kConflictingSupplementalTypes = "conflictingSupplementalTypes";
// an element is written in a version of DTDL that its parent cannot hold
inline constexpr absl::string_view kDisallowedVersionDefinition = "disallowedVersionDefinition";
// a reference names an element in a version of DTDL that the parent cannot hold
inline constexpr absl::string_view kDisallowedVersionReference = "disallowedVersionReference";

// a member stands twice in an element
inline constexpr absl::string_view kDuplicatePropertyName = "duplicatePropertyName";
// a member is null
inline constexpr absl::string_view kPropertyValueNull = "propertyValueNull";
// a member that no type of the element has
inline constexpr absl::string_view kNoTypeThatAllows = "noTypeThatAllows";
// a member that the element's type, which was not written, does not have
inline constexpr absl::string_view kInferredTypeDoesNotAllow = "inferredTypeDoesNotAllow";
// a member that no context defines
inline constexpr absl::string_view kPropertyUndefinedTerm = "propertyUndefinedTerm";
// a member that is known, but not of this element
inline constexpr absl::string_view kPropertyIrrelevantDtmiOrTerm = "propertyIrrelevantDtmiOrTerm";
// a member that begins with dtmi: but is not a DTMI
inline constexpr absl::string_view kPropertyInvalidDtmi = "propertyInvalidDtmi";
// a member that is neither a term nor a DTMI
inline constexpr absl::string_view kPropertyNotDtmiNorTerm = "propertyNotDtmiNorTerm";
// a required member with a literal value is missing
inline constexpr absl::string_view kMissingLiteralProperty = "missingLiteralProperty";
// a required member with an element as its value is missing
inline constexpr absl::string_view kMissingObjectProperty = "missingObjectProperty";
// "name" is missing, from which the element's id would be made
inline constexpr absl::string_view kMissingDtmiSegPropertyValue = "missingDtmiSegPropertyValue";
// a co-type's required member with a literal value is missing
inline constexpr absl::string_view kMissingSupplementalLiteralProperty =
    "missingSupplementalLiteralProperty";
// a co-type's required member with an element as its value is missing
inline constexpr absl::string_view kMissingSupplementalObjectProperty =
    "missingSupplementalObjectProperty";

// not a string
inline constexpr absl::string_view kStringNotString = "stringNotString";
// several strings where one is allowed
inline constexpr absl::string_view kStringMultipleValues = "stringMultipleValues";
// no string where one is required
inline constexpr absl::string_view kStringCountBelowMin = "stringCountBelowMin";
// a value object without "@value"
inline constexpr absl::string_view kStringObjectNoValue = "stringObjectNoValue";
// a value object whose "@type" is not xsd:string
inline constexpr absl::string_view kStringTypeNotString = "stringTypeNotString";
// a value object whose "@value" is not a string
inline constexpr absl::string_view kStringValueNotString = "stringValueNotString";
// a string of the wrong form
inline constexpr absl::string_view kStringInvalid = "stringInvalid";
// a string is too long
inline constexpr absl::string_view kStringTooLong = "stringTooLong";
// not an integer of 32 bits
inline constexpr absl::string_view kIntegerNotInteger = "integerNotInteger";
// several integers where one is allowed
inline constexpr absl::string_view kIntegerMultipleValues = "integerMultipleValues";
// no integer where one is required
inline constexpr absl::string_view kIntegerCountBelowMin = "integerCountBelowMin";
// a value object without "@value"
inline constexpr absl::string_view kIntegerObjectNoValue = "integerObjectNoValue";
// a value object whose "@type" is not xsd:integer
inline constexpr absl::string_view kIntegerTypeNotInteger = "integerTypeNotInteger";
// a value object whose "@value" is not an integer of 32 bits
inline constexpr absl::string_view kIntegerValueNotInteger = "integerValueNotInteger";
// not true or false
inline constexpr absl::string_view kBooleanNotBoolean = "booleanNotBoolean";
// several booleans where one is allowed
inline constexpr absl::string_view kBooleanMultipleValues = "booleanMultipleValues";
// a value object without "@value"
inline constexpr absl::string_view kBooleanObjectNoValue = "booleanObjectNoValue";
// a value object whose "@type" is not xsd:boolean
inline constexpr absl::string_view kBooleanTypeNotBoolean = "booleanTypeNotBoolean";
// a value object whose "@value" is not true or false
inline constexpr absl::string_view kBooleanValueNotBoolean = "booleanValueNotBoolean";
// not a number
inline constexpr absl::string_view kNumericNotNumeric = "numericNotNumeric";
// several numbers where one is allowed
inline constexpr absl::string_view kNumericMultipleValues = "numericMultipleValues";
// a value object without "@value"
inline constexpr absl::string_view kNumericObjectNoValue = "numericObjectNoValue";
// a value object whose "@type" is not xsd:decimal
inline constexpr absl::string_view kNumericTypeNotNumeric = "numericTypeNotNumeric";
// a value object whose "@value" is not a number
inline constexpr absl::string_view kNumericValueNotNumeric = "numericValueNotNumeric";
// not a string
inline constexpr absl::string_view kDurationNotString = "durationNotString";
// several durations where one is allowed
inline constexpr absl::string_view kDurationMultipleValues = "durationMultipleValues";
// a value object without "@value"
inline constexpr absl::string_view kDurationObjectNoValue = "durationObjectNoValue";
// a value object whose "@type" is not xsd:duration
inline constexpr absl::string_view kDurationTypeNotDuration = "durationTypeNotDuration";
// a value object whose "@value" is not a string
inline constexpr absl::string_view kDurationValueNotString = "durationValueNotString";
// not a duration as ISO 8601 writes it
inline constexpr absl::string_view kDurationInvalid = "durationInvalid";
// neither a string nor an integer
inline constexpr absl::string_view kLiteralNotValid = "literalNotValid";
// several values where one is allowed
inline constexpr absl::string_view kLiteralMultipleValues = "literalMultipleValues";
// no value where one is required
inline constexpr absl::string_view kLiteralCountBelowMin = "literalCountBelowMin";
// a value object without "@value"
inline constexpr absl::string_view kLiteralObjectNoValue = "literalObjectNoValue";
// a value object with several types
inline constexpr absl::string_view kLiteralTypeNotSingular = "literalTypeNotSingular";
// a value object with "@context"
inline constexpr absl::string_view kValueObjectContext = "valueObjectContext";
// a value object with "@graph"
inline constexpr absl::string_view kValueObjectGraph = "valueObjectGraph";
// a value object with "@id"
inline constexpr absl::string_view kValueObjectId = "valueObjectId";
// a value object with a member of its own
inline constexpr absl::string_view kValueObjectInvalidProp = "valueObjectInvalidProp";
// a value object with a keyword that DTDL does not use
inline constexpr absl::string_view kValueObjectKeyword = "valueObjectKeyword";
// a value object with "@language" where no text is meant
inline constexpr absl::string_view kValueObjectLanguage = "valueObjectLanguage";
// the only legal value is another one
inline constexpr absl::string_view kValueNotExact = "valueNotExact";
// a number is too small
inline constexpr absl::string_view kValueBelowMin = "valueBelowMin";
// a number is below its range
inline constexpr absl::string_view kValueBelowRange = "valueBelowRange";
// a number is above its range
inline constexpr absl::string_view kValueAboveRange = "valueAboveRange";

// not a language code
inline constexpr absl::string_view kLangStringInvalidCode = "langStringInvalidCode";
// a language stands twice
inline constexpr absl::string_view kLangStringCodeNotUnique = "langStringCodeNotUnique";
// the text of a language is not a string
inline constexpr absl::string_view kLangStringValueNotString = "langStringValueNotString";
// the text of a language is too long
inline constexpr absl::string_view kLangStringValueTooLong = "langStringValueTooLong";
// a value object where texts by language are meant
inline constexpr absl::string_view kLangTagValueInLangMap = "langTagValueInLangMap";
// a keyword among texts by language
inline constexpr absl::string_view kLangMapObjKeyword = "langMapObjKeyword";
// an element of the array is neither a string nor an object
inline constexpr absl::string_view kLangStringElementNotStringOrObject =
    "langStringElementNotStringOrObject";
// an element of the array has no "@value"
inline constexpr absl::string_view kLangStringElementNoValue = "langStringElementNoValue";
// an "@value" in the array is not a string
inline constexpr absl::string_view kLangStringElementValueNotString =
    "langStringElementValueNotString";
// an "@language" in the array is not a string
inline constexpr absl::string_view kLangStringElementCodeNotString =
    "langStringElementCodeNotString";
// an "@language" in the array is not a language code
inline constexpr absl::string_view kLangStringElementInvalidCode = "langStringElementInvalidCode";
// a language stands twice in the array
inline constexpr absl::string_view kLangStringElementCodeNotUnique =
    "langStringElementCodeNotUnique";
// an element of the array has a member of its own
inline constexpr absl::string_view kLangStringElementInvalidProp = "langStringElementInvalidProp";
// an element of the array has "@context"
inline constexpr absl::string_view kLangStringElementContext = "langStringElementContext";
// an element of the array has "@graph"
inline constexpr absl::string_view kLangStringElementGraph = "langStringElementGraph";
// an element of the array has "@id"
inline constexpr absl::string_view kLangStringElementId = "langStringElementId";
// an element of the array has "@type"
inline constexpr absl::string_view kLangStringElementType = "langStringElementType";
// an element of the array has a keyword that DTDL does not use
inline constexpr absl::string_view kLangStringElementKeyword = "langStringElementKeyword";

// not a string
inline constexpr absl::string_view kIdentifierNotString = "identifierNotString";
// several ids where one is allowed
inline constexpr absl::string_view kIdentifierMultipleValues = "identifierMultipleValues";
// not a DTMI
inline constexpr absl::string_view kIdentifierNotDtmi = "identifierNotDtmi";

// an element in place where only the name of one may stand
inline constexpr absl::string_view kRefObjectNotAllowed = "refObjectNotAllowed";
// neither an element nor the id of one
inline constexpr absl::string_view kRefNotStringOrObject = "refNotStringOrObject";
// neither the id of an element nor a known term
inline constexpr absl::string_view kBadDtmiOrTerm = "badDtmiOrTerm";
// an element that this member cannot have
inline constexpr absl::string_view kIncorrectPropertyValue = "incorrectPropertyValue";
// several elements where one is allowed
inline constexpr absl::string_view kObjectMultipleValues = "objectMultipleValues";
// too few elements
inline constexpr absl::string_view kObjectCountBelowMin = "objectCountBelowMin";
// too many elements
inline constexpr absl::string_view kObjectCountAboveMax = "objectCountAboveMax";
// a reference to a schema or content of another Interface
inline constexpr absl::string_view kCrossPartitionReference = "crossPartitionReference";

// two elements of a set have the same name or value
inline constexpr absl::string_view kNonUniquePropertyValue = "nonUniquePropertyValue";
// an inherited name stands twice
inline constexpr absl::string_view kNonUniqueImportedPropertyValue =
    "nonUniqueImportedPropertyValue";
// a value does not fit the schema that it must have
inline constexpr absl::string_view kNonConformantDatatype = "nonConformantDatatype";
// a co-type's value does not fit the schema of its element
inline constexpr absl::string_view kNonConformantPropertyValue = "nonConformantPropertyValue";
// Interfaces extend or contain themselves
inline constexpr absl::string_view kRecursiveStructureNarrow = "recursiveStructureNarrow";
// a schema contains itself
inline constexpr absl::string_view kRecursiveStructureWide = "recursiveStructureWide";
// Interfaces extend one another too deep
inline constexpr absl::string_view kExcessiveDepthNarrow = "excessiveDepthNarrow";
// schemas are nested too deep
inline constexpr absl::string_view kExcessiveDepthWide = "excessiveDepthWide";
// an Interface holds too many elements
inline constexpr absl::string_view kExcessiveCount = "excessiveCount";
// a type of element that must not occur below this one
inline constexpr absl::string_view kExcludedType = "excludedType";
// the text of an Interface is too long
inline constexpr absl::string_view kPartitionTooLarge = "partitionTooLarge";

// the schema or unit is not of the type that a co-type demands
inline constexpr absl::string_view kNotRequiredType = "notRequiredType";
// the schema is not one of those that a co-type demands
inline constexpr absl::string_view kNotRequiredValue = "notRequiredValue";
// the unit is one of another quantity
inline constexpr absl::string_view kWrongParent = "wrongParent";
// an annotation names a content of the wrong type, or none
inline constexpr absl::string_view kNotSiblingRequiredType = "notSiblingRequiredType";
// an annotation names a content that is an annotation itself
inline constexpr absl::string_view kDisallowedType = "disallowedType";
// an override names a member that the annotated content does not have
inline constexpr absl::string_view kNoMatchingSupplementalProperty =
    "noMatchingSupplementalProperty";
// an override names a member that no extension brings
inline constexpr absl::string_view kMatchingPropertyNotSupplemental =
    "matchingPropertyNotSupplemental";
// two overrides name the same member of the same content
inline constexpr absl::string_view kMultipleReference = "multipleReference";
// the schema of an override is not the type of the member that it overrides
inline constexpr absl::string_view kSiblingPropertyMismatch = "siblingPropertyMismatch";
// a co-type needs its parent to have one
inline constexpr absl::string_view kParentMissingCotype = "parentMissingCotype";
// a co-type that only one element of a set may have
inline constexpr absl::string_view kSiblingDuplicatesCotype = "siblingDuplicatesCotype";
// a co-type needs a sibling to have another one
inline constexpr absl::string_view kSiblingMissingCotype = "siblingMissingCotype";

// warning: several DTDL contexts in one array; the last one holds
inline constexpr absl::string_view kSeveralDtdlContexts = "severalDtdlContexts";
// warning: an extension's context before the DTDL context
inline constexpr absl::string_view kExtensionBeforeDtdlContext = "extensionBeforeDtdlContext";
// warning: an extension that is not known was accepted unseen
inline constexpr absl::string_view kUnknownExtension = "unknownExtension";
// warning: a member that the language advises against
inline constexpr absl::string_view kDeprecatedMember = "deprecatedMember";
// warning: a DTMI where the language has a shorter term
inline constexpr absl::string_view kPreferTerm = "preferTerm";
// warning: a keyword that DTDL 2 passes over
inline constexpr absl::string_view kIgnoredKeyword = "ignoredKeyword";
// warning: a value object without "@type"
inline constexpr absl::string_view kUntypedValue = "untypedValue";
// warning: a type stands twice
inline constexpr absl::string_view kRepeatedType = "repeatedType";
// warning: an annotation names a content that its Interface does not have
inline constexpr absl::string_view kUnknownAnnotated = "unknownAnnotated";
// warning: the target of a Relationship is not among the models, but another version of it is
inline constexpr absl::string_view kDanglingTarget = "danglingTarget";
// warning: a minimum above the maximum
inline constexpr absl::string_view kEmptyRange = "emptyRange";
// warning: "@id" begins with dtmi:twingraph:, and is none of the ontology that ships with Twingraph
inline constexpr absl::string_view kProductId = "productId";

}  // namespace twin::dtdl::code

#endif  // TWIN_MODELS_DTDL_CODES_H_
