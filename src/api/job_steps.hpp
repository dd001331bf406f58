// SPDX-License-Identifier: MIT
#pragma once

#include "actors/console.hpp"
#include "actors/messages.hpp"
#include "actors/operation.hpp"
#include "api/arguments.hpp"

/// INTERNAL to this folder: how operations have the jobs actor take a step.
namespace podstudio::api {

/// A step that somebody asked for.
job_step make_step(const request& asked, job_step::step what);

/// Has the jobs actor take a step, and tells the ids of the jobs that it submitted.
void take_step(console_state& s, job_step step, answer reply);

/// The shape of that.
json submitted_shape();

}  // namespace podstudio::api
