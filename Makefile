# Two commands on a fresh machine: `make demo` and `make test`. Both set up what they need.

PYTHON ?= python3.11
VENV := .venv
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin/python

# make demo: PORT, DEMO_LANGUAGE=en|zh, DATA=FOLDER with an export of a real shop
PORT ?= 8000
HOST ?= 127.0.0.1
DEMO_LANGUAGE ?= en
DATA ?=
DEMO_PASSWORD ?= demo
DEMO_OPTIONS ?=
# Each shop has a folder of its own; the one of plain `make demo` is also that of plain `manage.py`.
export ECOMAI_VAR_DIR ?= $(CURDIR)/var$(if $(DATA),/export,$(if $(filter-out en,$(DEMO_LANGUAGE)),/$(DEMO_LANGUAGE)))

# make test: SERVICES=embedded ignores what runs on this machine; TESTS and OPTIONS go to pytest
SERVICES ?=
TESTS ?= tests
PROCESSES ?= 2
OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint format install clean-demo

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

install: $(STAMP) ## Make the virtual environment with all dependencies

# One stamp for both commands, so the second run of either installs nothing.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed; PYTHON=... names another one."; exit 1; }
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[worker,chinese,project,example,dev]"
	touch $@

demo: $(STAMP) ## Serve a demo shop on django-oscar with everything in it; Ctrl-C stops it
	@cd examples/oscar_shop && DJANGO_SETTINGS_MODULE=oscar_shop.demo_settings \
		"$(CURDIR)/$(RUN)" manage.py ecomai_demo --host "$(HOST)" --port "$(PORT)" --language "$(DEMO_LANGUAGE)" \
		--password "$(DEMO_PASSWORD)" $(if $(DATA),--data "$(abspath $(DATA))") $(DEMO_OPTIONS)

clean-demo: $(STAMP) ## Forget the demo shop: its database, files and models
	@$(RUN) manage.py embedded forget

test: lint ## Run the whole suite, on the services found or on embedded ones
	ECOMAI_VAR_DIR="$(CURDIR)/var/test" ECOMAI_TEST_SERVICES="$(SERVICES)" $(RUN) -m pytest $(TESTS) \
		$(if $(filter-out 0 1,$(PROCESSES)),-n $(PROCESSES) --dist loadgroup) $(OPTIONS)

lint: $(STAMP) ## Check style, types, import rules and migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	DATABASE_URL=sqlite://:memory: $(RUN) manage.py makemigrations --check --dry-run \
		--settings ecomai_project.settings.test
	$(VENV)/bin/mypy

format: $(STAMP) ## Put the code into its one style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
