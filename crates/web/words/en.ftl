# What the back office says in English; tr.ftl has the same keys. One vocabulary: the specification's.
# $a, $b … are what a phrase is given, in order; whole numbers choose a plural form.
# A test finds keys that are missing, doubled, used nowhere or not translated.

## The frame
app-skip = Skip to the content
app-menu = Menu
app-search = Search orders, packages, SKUs…
app-live = live
app-language = Language
app-theme = Theme
app-theme_system = As the device
app-theme_light = Light
app-theme_dark = Dark
app-time_zone = Time zone
app-time_zone_hint = A name such as Europe/Istanbul. Times on every screen are shown in it.
app-preferences = Preferences
app-sign_out = Sign out
app-sign_out_everywhere = Sign out everywhere
app-everywhere_hint = A session that was forgotten on another device ends with this one.
app-palette = Go to, find, run
app-palette_hint = A screen, a number or a command
app-keys = Keyboard
app-key_palette = Go to, find, run
app-key_filter = Filter, or search
app-key_move = Next and previous row
app-key_select = Select the row
app-key_open = Open the row
app-key_command = The next command
app-key_help = This help
app-close = Close
app-back = Back
app-start = To the start page
app-now = now
app-minutes = { $a } m
app-hours = { $a } h
app-days = { $a } d
app-raw = JSON
app-new_rows = { $a } new
app-changed = This record changed; show it
app-happened = What happened
app-by_system = the system ({ $a })
app-results = Results for “{ $a }”
app-nothing_found = Nothing begins so. Search takes numbers of orders, packages and transfers, SKUs, product names and tracking numbers from their first characters.
app-error_session = Your session is over
app-error_forbidden = You may not do this
app-error_missing = This is not here
app-error_conflict = Somebody was faster
app-error_busy = Too much at once; try again shortly
app-error_refused = This was not taken
app-error_failed = The server could not do this
app-error_code = Reference for an engineer:

## Navigation
nav-today = Today
nav-orders = Orders
nav-packages = Packages
nav-transfers = Transfers
nav-movements = By location
nav-stock = Stock
nav-discrepancies = Discrepancies
nav-locations = Locations
nav-scenarios = Scenarios
nav-transfer_scenarios = Transfer scenarios
nav-flow = Flow
nav-denial_reasons = Denial reasons
nav-schedules = Schedules
nav-connections = Connections
nav-administration = Administration
nav-settings = Settings
nav-users = Users and tokens
nav-hub_orders = Orders of the hub
nav-hub_changes = Changes of the hub
nav-hook_events = Webhook deliveries
nav-jobs = Background work
nav-logs = Logs

## Lists
list-columns = Columns
list-apply = Apply
list-filter = Filter
list-without = Take away the filter { $a }: { $b }
list-views = Saved views
list-keep = Save this view
list-forget = Forget the view { $a }
list-view_name = Name of the view
list-nothing_fits = Nothing fits all of these filters.
list-clear = Clear the filters
list-all = Select all on this page
list-tick = Select { $a }
list-chosen = { $a } selected
list-chosen_none = Nothing selected
list-all_fitting = All { $a } that fit
list-pages = Pages
list-range = { $a }–{ $b } of { $c }
list-previous = Previous
list-next = Next
list-export = Export

## Bulk actions
bulk-title = Bulk action
bulk-waits = { $a } of { $b } still wait. It goes on when this page is closed.
bulk-sums = { $a } done, { $b } not done.
bulk-shown = The first { $a } of { $b }, what failed first.
bulk-result = Result
bulk-waiting = Waiting
bulk-done = Done
bulk-not_done = Not done
bulk-again = Try the { $a } failed again

## Signing in
login-title = Sign in
login-username = Username
login-password = Password
login-enter = Sign in
login-nobody = No account yet? Start the server: with nobody in charge it prints a link that makes the administrator.
login-api = API documentation
login-again = This form was too old, or not ours. Enter your password again.
login-wait = Too many wrong passwords. Wait { $a } min and try again.
login-busy = Many people sign in right now. Try again in a few seconds.
login-wrong = Username or password is wrong.
login-dead_link = This link was used, or is older than 30 minutes. Sign in by name and password, or ask for another link.
login-first_title = Create the administrator
login-first_about = The administrator may do everything here, and can create others.
login-password_hint = At least 8 characters; 15 or more are advised.
login-first_create = Create administrator
login-first_dead = This link does not work
login-first_dead_about = It was used, is older than 30 minutes, or is not complete. If nobody is administrator yet, restart the server: it prints a new link. Otherwise an administrator can let you in.

## Forms
form-done = Done.
form-done_command = Done. The timeline below shows it.
form-done_cancel = Cancellation taken. What could be cancelled at once was; the rest is asked for.
form-refused = This was not done:
form-save = Save

## Today
today-empty = Nothing here yet. The setup copies channels, stores, products and orders from the hub; it takes two minutes.
today-begin = Open the setup
today-late_packing = Late to pack
today-late_leaving = Late to leave
today-needs = What needs a person
today-needs_nothing = Nothing needs you.
today-need_jobs = { $a ->
    [one] { $a } job gave up
   *[other] { $a } jobs gave up
}
today-need_engines = { $a ->
    [one] { $a } stock engine does not answer
   *[other] { $a } stock engines do not answer
}
today-need_hooks = { $a ->
    [one] { $a } webhook is left alone: its receiver fails
   *[other] { $a } webhooks are left alone: their receivers fail
}
today-need_deliveries = { $a ->
    [one] { $a } webhook delivery was given up
   *[other] { $a } webhook deliveries were given up
}
today-need_orders = { $a ->
    [one] { $a } order of the hub could not be taken
   *[other] { $a } orders of the hub could not be taken
}
today-need_changes = { $a ->
    [one] { $a } change of the hub is not applied
   *[other] { $a } changes of the hub are not applied
}
today-need_waiting = { $a ->
    [one] { $a } order waits to be planned
   *[other] { $a } orders wait to be planned
}
today-need_stock = { $a ->
    [one] { $a } package is out of stock
   *[other] { $a } packages are out of stock
}
today-by_state = Packages by state
today-by_hour = New by hour, last 24 hours
today-rates = Fill, split and refusal, % by day
today-fill = planned whole
today-split = split
today-refused = refused
today-numbers = The numbers
today-ageing = Age of unfinished packages
today-age_hour = under 1 h
today-age_four = 1–4 h
today-age_day = 4–24 h
today-age_three = 1–3 d
today-age_older = over 3 d
today-jobs = Work in the background
today-jobs_none = Nothing waits.
today-job = Work
today-count = Count

## Orders
order-number = Order
order-channel = Channel
order-plan = Plan
order-packages = Packages
order-placed = Placed
order-units = Units
order-amount = Amount
order-customer = Customer
order-hub_status = Status in the hub
order-delivery = Delivery
order-last_name = Last name
order-placed_from = Placed from
order-placed_to = Placed to
order-view_pending = Planning waits
order-view_start = Not planned yet
order-cancel = Cancel
order-cancel_hint = Choose what is cancelled. Nothing chosen: the whole order. Promised units go back to stock; what is packed already has to be accepted by its location.
order-cancelled = Cancelled
order-lines = Lines
order-price = Price
order-payment = Payment
order-bill_to = Bill to
order-no_packages = No packages yet: the order is planned when its turn comes.
orders-empty = Orders appear here as soon as the hub has them: connect it in the setup.

## Packages
package-number = Package
package-order = Order
package-location = Location
package-state = State
package-age = Age
package-due = Due in
package-late = late by { $a }
package-items = Units
package-channel = Channel
package-customer = Customer
package-city = City
package-carrier = Carrier
package-tracking = Tracking number
package-changed = Changed
package-sku = SKU
package-last_name = Last name
package-made_from = Made from
package-made_to = Made before
package-wished = Wished for the day
package-collected = Collected by the shopper
package-collected_at = Collected at
package-yes = Yes
package-no = No
package-view_to_do = To do
package-view_attention = Need you
package-view_unshipped = Unshipped
package-view_on_the_way = On the way
package-busy = waits for an outside answer
package-held = was { $a } before
package-no_commands = There is nothing to do here now.
package-can_do = What can be done now
package-units_of = Units of { $a }
package-information = Package
package-address = Address
package-order_information = Order
package-deliver_to = Deliver to
package-delivery = Delivery
package-email = E-mail
package-phone = Phone
package-invoice = Invoice
package-made = Made
package-notes = Notes
package-others = Other packages of the order
package-products = Products
package-product = Product
package-picture = Picture
package-units = Units
package-from = Comes from
package-missing = { $a } missing
package-replaced = replaced by another package
package-movements = Packages by location
package-movements_empty = No location has anything to do.
packages-empty = Packages appear here when orders are planned: set up a scenario, and the first order makes the first package.

## Transfers
transfer-number = Transfer
transfer-from = From
transfer-to = To
transfer-package = Package
transfer-detached = its package is cancelled
transfer-expected_at = Expected at
transfer-dispatched_from = Dispatched from
transfer-barcode = Barcode
transfer-first_name = First name
transfer-view_waiting = Waiting
transfer-view_on_the_way = On the way
transfer-movements = Transfers by location
transfer-dispatch = out
transfer-expected = in
transfers-empty = Transfers appear here when a package needs units of another location.

## Why here
why-title = Why?
why-here = Why here?
why-none = Not decided yet.
why-by_hand = The last plan of this order did not choose a location; this package was placed by hand or by an earlier plan.
why-not_chosen = The last plan did not place this package; an earlier one did.
why-sentence = Rule “{ $a }” considered { $b } locations, removed { $c }, and this one ranked { $d }.
why-decision = Decision { $a }, { $b }
why-scenario = Scenario { $a }, version { $b }
why-rule = Rule { $a }: { $b }
why-skipped = Passed over: its condition did not hold.
why-counts = { $a } lines to place, { $b } locations considered.
why-rank = Rank
why-keys = Sorted by
why-outcome = Outcome
why-would_change = What would have changed it
why-chosen = chosen
why-ranked_lower = ranked lower
why-have_need = has { $a }, needs { $b }
why-ranked_more = { $a } more ranked lower.
why-removed_more = { $a } more removed: { $b }.
why-change_units = { $a } more
why-change_metres = { $b } m away instead of { $a }
why-change_minutes = { $b } minutes instead of { $a }
why-change_quota = quota { $b } instead of { $a }
why-change_stock = { $b } of it in stock instead of { $a } ({ $c })
why-change_priority = priority { $b } instead of { $a }
why-change_open_packages = { $b } open packages instead of { $a }
why-change_packaging = packed within { $b } minutes instead of { $a }
why-change_exit = gone within { $b } minutes instead of { $a }
why-without = Without { $a } it would rank { $b }.
why-map = Map of the decision
why-customer = Customer
reason-inactive = not active
reason-not_a_fulfillment_center = does not fulfil orders
reason-refused_before = refused it before
reason-engine_down = its stock source does not answer
reason-stock = not enough stock
reason-max_packages = too many packages
reason-min_units_per_extra_package = too few units for another package
reason-min_value_per_extra_package = too little value for another package
reason-locations = not among the chosen locations
reason-except_locations = excluded location
reason-location_type = other type of location
reason-same_area = not in the customer’s area
reason-tags = lacks the tag
reason-flags = lacks the property
reason-open = closed now
reason-SELECT_BY_QUOTA = quota is full
reason-max_distance = too far
reason-before_cut_off = past its cut-off
reason-packaging_time = packs too slowly
reason-exit_time = hands over too late

## States
state-100 = Waiting
state-150 = Waiting Remote Action
state-200 = Preparing
state-300 = Waiting for Transfer
state-400 = Ready for Packaging
state-450 = Waiting Cargo Label
state-500 = Packed
state-550 = Ready For Customer
state-600 = Shipped
state-650 = Attempted Delivery
state-660 = Delivery Failed
state-700 = Delivered
state-800 = Cancellation Waiting
state-900 = Cancelled
state-910 = Needs Rescheduling
state-920 = Out of Stock
state-930 = Blocked
state-1100 = Packed for Refund
transfer_state-10 = Waiting for transfer
transfer_state-20 = Ready for Shipment
transfer_state-30 = In Transit
transfer_state-40 = Transferred
transfer_state-90 = Out of Stock
transfer_state-95 = Cancelled
plan_state-start = Not planned
plan_state-pending = Waits
plan_state-completed = Planned
plan_state-cancelled = Cancelled
kind-runnable = waits for its turn
kind-leased = at work
kind-dead = failed

## Commands
command-PKG_DEALLOCATE_RESERVATIONS = Start preparing
command-COMPLETE_PACKAGING_WITHOUT_SHIPMENT = Pack without shipment
command-COMPLETE_PACKAGING_WITH_SHIPMENT = Pack
command-CHANNEL_BASED_COMPLETE_PACKAGING = Pack for the channel
command-REFUSE_WITH_DENIAL_REASON = Refuse
command-PRODUCT_NOT_FOUND = Product not found
command-PRODUCT_NOT_FOUND_ADVANCED = Some products not found
command-PACKED_FOR_REFUND = Set aside for refund
command-BLOCK_THE_PACKAGE = Block
command-UNBLOCK_THE_PACKAGE = Unblock
command-UPDATE_INVOICE = Update invoice
command-MANUAL_PLANNING = Plan by hand
command-READY_FOR_PICKUP = Ready for the customer
command-SELF_SERVICE_DELIVERY = Hand over
command-SHIP_THE_PACKAGE = Ship
command-SHIPMENT_ORDER = Shipment order
command-ADVANCED_SHIPMENT = Ship with tracking number
command-SHIP_WITHOUT_INTEGRATION = Ship without carrier
command-UPDATE_SHIPMENT_STATUS = Delivered
command-UPDATE_SHIPMENT_INFO = Update tracking
command-UPDATE_SHIPMENT_LABEL = Renew label
command-ACCEPT_CANCELLATION = Accept cancellation
command-REFUSE_CANCELLATION = Refuse cancellation
command-TRANSFER_READY_FOR_DISPATCH = Ready for dispatch
command-TRANSFER_ORDER_ADVANCED = Ready with tracking number
command-TRANSFER_DISPATCH = Dispatch
command-TRANSFER_DELIVERED = Delivered
command-TRANSFER_PRODUCT_NOT_FOUND = Product not found
command-TRANSFER_OUT_OF_STOCK = Out of stock
command-SYSTEM_PLANNED = Planned
command-SYSTEM_PLANNED_IN_PARTS = Planned in parts
command-SYSTEM_PLANNED_WITHOUT_STOCK = Planned without stock
command-SYSTEM_PLANNED_WITH_TRANSFER = Planned, waits for transfer
command-SYSTEM_REPLACED = Replaced by a new plan
code-tracking_number = Tracking number
code-shipping_company = Carrier
code-denial_reason = Reason
code-package_items = Missing products
code-transfer_items = Missing products
code-invoice_number = Invoice number
code-invoice_date = Invoice date
code-invoice_document_type = Document type
code-invoice_document = Document
code-assignment_groups = Location of each product
code-code = Customer’s code
code-query_number = Query number

## Forms
form-done_saved = Saved.
form-done_hub = The hub let us in and answers.
form-done_tried = It was sent: the tries below show the receiver’s answer. None yet? Reload in a moment.
form-done_again = They are sent again from now on.
form-remove = Remove
form-remove_ask = Remove { $a }? This cannot be undone.
app-actions = Actions

## Setup
setup-title = Setup
setup-about = Fifteen steps from an empty installation to the first package. Steps that copy from the hub can be repeated at any time; what is new there comes along.
setup-ready = ready for orders
setup-open = { $a ->
    [one] { $a } needs you
   *[other] { $a } need you
}
setup-orders_wait = Orders of the hub are not taken yet. What is still to be done first: { $a }.
setup-all = All steps
setup-run = RUN INSTALLATION STEP
setup-open_screen = Open
setup-done = done
setup-working = at work
setup-needs_you = needs you
setup-failed = failed
setup-optional = not needed
setup-progress = { $a } of { $b }
setup-went_wrong = What went wrong
setup-what_to_do = Mend it where the message says, then run the step again; what was copied stays.
step-machine = The machine answers
step-about_machine = You read this, so the server is up.
step-said_machine = Version { $a } on { $b }.
step-users = Users
step-about_users = An administrator for each person who sets this up.
step-said_users = { $a ->
    [one] { $a } administrator.
   *[other] { $a } administrators.
}
step-application = The application works
step-about_application = Background work goes on without giving up.
step-said_application = { $a ->
    [one] { $a } job gave up.
   *[other] { $a } jobs gave up.
}
step-addresses = Copy addresses
step-about_addresses = Countries, cities, townships and districts as the hub knows them.
step-said_addresses = { $a ->
    [one] { $a } city copied.
   *[other] { $a } cities copied.
}
step-retail-stores = Copy stores
step-about_retail-stores = Stores and warehouses of the hub become stock locations.
step-said_stores = { $a ->
    [one] { $a } location copied; { $b } without coordinates.
   *[other] { $a } locations copied; { $b } of them without coordinates.
}
step-channels = Copy channels
step-about_channels = Where orders come from.
step-said_channels = { $a ->
    [one] { $a } channel copied.
   *[other] { $a } channels copied.
}
step-hub_first = The hub is not known yet: do step 7 first.
step-credentials = The hub’s address and credentials
step-about_credentials = In the hub, make a back-office user named oms.application; save its name and password in OMNITRON_CLIENT_SETTINGS.
step-said_hub = Saved. Run the step to see whether the hub lets us in.
step-no_hub = OMNITRON_CLIENT_SETTINGS is not saved.
step-order-filtering = Which orders are taken
step-about_order-filtering = ORDER_FILTERING says in which status an order comes over. Running the step saves the usual: status 400, every channel.
step-said_filter = ORDER_FILTERING is saved.
step-no_filter = ORDER_FILTERING is not saved.
step-distance = Distance
step-about_distance = Only if scenarios weigh how far a location is. Running the step measures in a straight line, which needs no key.
step-said_geo = Distance is measured.
step-no_geo = Distance is not measured.
step-stock = Stock
step-about_stock = Where the units on the shelves are known from: a stock service of the brand, or rows sent to the API.
step-said_engines = { $a ->
    [one] { $a } stock service.
   *[other] { $a } stock services.
}
step-said_stock = Stock was sent to the API.
step-no_stock = No stock is known, so nothing can be promised.
step-scenarios = Scenarios
step-about_scenarios = Who packs what: at least one distribution scenario, and locations that fulfil orders.
step-said_scenarios = { $a ->
    [one] { $a } scenario is active; { $b } locations fulfil orders.
   *[other] { $a } scenarios are active; { $b } locations fulfil orders.
}
step-no_scenarios = No distribution scenario is active.
step-no_centers = No active location fulfils orders. Tick Fulfilment centre at those that do.
step-events = Events of the hub
step-about_events = With OMNITRON_WEBHOOKS saved, the hub tells of orders at once; without it they are polled.
step-said_webhooks = Run the step to register what is missing at the hub.
step-no_webhooks = OMNITRON_WEBHOOKS is not saved; orders are polled.
step-commands = Commands
step-about_commands = The steps a package takes, and who sees which button.
step-said_flow = { $a ->
    [one] { $a } command is defined.
   *[other] { $a } commands are defined.
}
step-cargo = Carriers
step-about_cargo = Booking of carriers comes with a later version; until then packages are shipped by hand with their tracking number.
step-no_cargo = No carrier is connected.
step-jobs = Jobs of the brand
step-about_jobs = Anything that has to run at set times.
step-said_schedules = { $a ->
    [one] { $a } job is active.
   *[other] { $a } jobs are active.
}
step-no_schedules = No job is defined.

## Settings
setting-about = Every key there is. What is not saved has its default.
setting-json = As JSON
setting-saved = saved
setting-default = default
setting-value = Value
setting-example = Example
setting-secret = Secrets are shown as { $a }; left so they stay as they are.
setting-not_json = This is not JSON: look at line { $a }, column { $b }.
setting-omnitron_client_settings = How to reach the commerce hub: credentials, addresses, time-outs in milliseconds, and other addresses for single endpoints.
setting-order_filtering = Which orders are taken: by status code, by the hub's channel ids (empty: all), leaving out order types.
setting-order_item_quantity_key = The key of an order item's attributes that holds the count of a merged line.
setting-geolocation_discovery = Whether and how distance is measured: haversine needs no key; google and yandex need api_key.
setting-geocode_provider_settings = The service that turns an address into coordinates.
setting-stock_engines = How old a reading of an outside stock engine may be before a plan asks again, in seconds.
setting-replanning = How often packages that are out of stock are tried again of which more became available.
setting-multi_regional_settings = Time zone, currency and language of the brand, and of channels (by id) and locations (by ERP code) where they differ. Screens are shown in the reader's own language and zone where they chose them.
setting-is_otp_enabled = Whether a customer needs a one-time code to take a package in a store, and for how many minutes a code is good.
setting-omnitron_webhooks = The webhooks to register on the hub: event types, our public address, and the token the hub sends.
setting-remote_invoice_call = Where to ask for an invoice when a package ships; time-outs in seconds.

## Users
user-name = Username
user-role = Role
user-role_administrator = Administrator: everything
user-role_hub = Hub: delivers webhooks only
user-active = active
user-shut_out = not active
user-shut_out_now = Shut out
user-let_in = Let in again
user-new = New user
user-password = Password
user-new_password = New password
user-password_hint = At least 8 characters; 15 or more are advised. A new password ends the user's sessions.
user-tokens = API tokens
user-tokens_about = Programs send Authorization: Token … with every request. Only a digest is kept, so a token is shown once.
user-token_once = Copy this token now; it is not shown again.
user-token_name = What it is for
user-token_of = Acts as
user-new_token = New token
user-made = Made
user-ends = Ends
user-never = never
user-revoke = Revoke
user-revoke_ask = Revoke { $a }? Programs that use it are let in no more.

## Flow
flow-new_reason = New reason
flow-reason = Reason
flow-reasons_about = What a store says when it refuses a package; each decides what happens to the stock and whether the location is asked again.
flow-reasons_empty = No reason yet. Stores cannot refuse with a reason until there is one.
flow-priority = Place in the list
flow-remote_id = Code in other systems
flow-is_active = Active
flow-excludes_location = the location is not asked again
flow-is_missing = the units are missing there
flow-new_job = New job
flow-job = Name
flow-jobs_about = Each job runs once at its time, whichever machine does it.
flow-jobs_empty = No job yet.
flow-cron = When
flow-cron_hint = Minute, hour, day, month, weekday: 30 2 * * 1-5 is half past two, Monday to Friday.
flow-action = What
flow-act_replan = Plan out-of-stock packages again
flow-act_setup = Run a setup step
flow-act_call = Call an address
flow-parameters = Parameters
flow-parameters_wrong = The parameters are not JSON: { $a }
flow-next_run = Next run
flow-last_run = Last run
flow-outcome = How it went
flow-run_now = Run now
flow-ran = It ran:
flow-failed_times = failed { $a } times

## Logs
log-at = When
log-record = Record
log-from = From
log-to = To
log-actor = Who
log-seq = Step
log-hash = Seal
log-kind = Kind
log-id = Record id
log-package = Package { $a }
log-transfer = Transfer { $a }
log-empty = No step yet. Every change of a package's or transfer's state appears here, sealed.

## State transitions
flow-about = The steps packages and transfers can take, each bound to a command. The numbers on the arrows are those of the table.
flow-new = New transition
flow-name = Button
flow-slug = Slug
flow-command = Command
flow-visibility = Who sees the button
flow-seen_by_all = everybody
flow-seen_by_oms = the back office
flow-seen_by_stores = stores
flow-seen_by_none = nobody: programs only
flow-runs = Runs in the latest { $a } steps
flow-arrow = { $a }: { $b }, run { $c } times
flow-draw_all = Draw the ways to Blocked, Cancellation Waiting and Cancelled too
flow-draw_main = Draw without Blocked, Cancellation Waiting and Cancelled
flow-conf = Configuration
flow-conf_hint = JSON. Known keys: sync_remote_order_status, remote_bill_fulfillment_call, remote_invoice_call.

## Locations
form-yes = yes
form-no = no
location-name = Name
location-code = Code
location-kind = Type
location-kind_store = Store
location-kind_warehouse = Warehouse
location-load = Load
location-does = What it does
location-priority = Priority
location-engine = Stock from
location-own_ledger = This system’s own ledger
location-point = Coordinates
location-view_centers = Fulfilment centres
location-view_off = Not active
location-map = Map
location-map_about = The more packages hold a slot, the larger the point. Amber: the quota is full. Hollow: not active.
location-without_point = { $a ->
    [one] { $a } location has no coordinates and is not on the map.
   *[other] { $a } locations have no coordinates and are not on the map.
}
location-new = New location
location-new_about = For brands without a hub. With one, stores come by the setup step Copy stores.
location-full = quota is full
location-closed = closed now
location-is_fulfillment_center = Fulfilment centre
location-is_pickup_location = Customers pick up
location-is_delivery_location = Delivers
location-is_return_available = Takes returns
location-is_fast_delivery_available = Fast delivery
location-is_shipper = Ships to other locations
location-empty = No location yet. Run the setup step Copy stores, or make one.
location-about = About
location-line = Address
location-latitude = Latitude
location-longitude = Longitude
location-max_quota = Quota: packages at a time
location-max_quota_hint = Empty: no limit.
location-packaging_minutes = Target for packing, minutes
location-exit_minutes = Target for leaving, minutes
location-hours = Hours
location-has_hours = It has hours
location-hours_hint = Without hours it is always open.
location-day_mon = Monday
location-day_tue = Tuesday
location-day_wed = Wednesday
location-day_thu = Thursday
location-day_fri = Friday
location-day_sat = Saturday
location-day_sun = Sunday
location-cut_off = Cut-off
location-holidays = Holidays
location-custom = Tags and custom fields
location-custom_hint = A custom field is a name and a value; leave the name empty to remove it.
location-tags = Tags
location-field = Field { $a }
location-content = Value { $a }

## Stock
stock-on_hand = on hand
stock-reserved = reserved
stock-quarantined = quarantined
stock-available = available
stock-is_short = Short
stock-view_short = Promised more than there is
stock-empty = No stock yet. Send rows to the API at /api/v1/oms/stocks/, or connect a stock service.
stock-title = { $a } at { $b }
stock-sum = { $a } on hand − { $b } reserved − { $c } quarantined = { $d } available.
stock-from_engine = The units on hand are what its stock service said last.
stock-why = Why this number
stock-no_movements = Nothing has moved here yet.
stock-latest = The latest { $a } movements.
stock-count = Count
stock-count_hint = What stands on the shelf now, reserved units included.
stock-whole = A whole number from 0 is expected.
stock-what = What
stock-found_out = Found out
stock-gap_open = open
stock-gap_found = found
stock-gap_lost = lost
stock-was_found = Found
stock-is_lost = Lost
stock-lost_ask = Write off { $a } × { $b }? They leave the books for good.
stock-gaps_empty = No discrepancy. When a store does not find units that the books have, they appear here until somebody says what became of them.
stock-reason_not_found = not found

## Connections
channel-channels = Sales channels
channel-new = New channel
channel-empty = No sales channel. They are copied from the hub by the set-up, or made here by a brand without a hub.
channel-hub_id = Id at the hub
channel-changed = Last changed
channel-of_hub = The hub's channel: change it there, then copy the channels again.
channel-copy = Copy the channels
engine-hub = Commerce hub
engine-address = Address
engine-ask = Ask now
engine-engines = Stock services
engine-new = New stock service
engine-name = Name
engine-empty = No stock service. Stock is then what is sent to the API.
engine-paused = paused after failures
engine-failing = failing
engine-answering = answering
engine-not_asked = not asked yet
engine-last_answer = Last answer
engine-failures = Failures in a row
engine-last_error = Last error
engine-try = Try it
engine-try_about = Asks now and changes nothing, neither stock nor health.
engine-skus = SKUs, at most 10
engine-answer = The answer
engine-took = { $a } ms, { $b } requests.
engine-no_units = It answered, and has no units of these.
engine-type_service = The brand's own stock service: asked for SKUs by GET, anonymously, with a password or with a token.
engine-type_whippy_ware = Whippy Ware: stock lists at /api/v1/stocks/, location codes at /api/v1/stock-locations/ below the address given.
engine-type_built_in = Quartermaster's own ledger: stock is loaded by POST to /api/v1/oms/stocks/ and nobody is called.

## What a row of the stock ledger is
stock-kind_received = counted
stock-kind_reading = read from the stock service
stock-kind_reserve = reserved
stock-kind_release = released
stock-kind_consume = left the shelf
stock-kind_return = back on the shelf
stock-kind_quarantine = quarantined
stock-kind_found = found again
stock-kind_lost = written off
stock-kind_arrive = arrived by transfer

## Scenarios
form-done_released = Done. The new version decides from the next order on.
scenario-about = Tried from the top: the first active one whose conditions hold takes the order, and its rules share it out.
scenario-about_transfer = From where a packing location gets what it misses.
scenario-empty = No scenario yet. Orders wait until one takes them.
scenario-new = New scenario
scenario-new_hint = It is made inactive, with one rule; edit, preview and publish it.
scenario-what = The scenario
scenario-name = Name
scenario-description = Description
scenario-priority = Priority
scenario-priority_hint = Lower is tried first.
scenario-default_location = Default location
scenario-default_location_hint = Keeps the packages nobody has stock for.
scenario-initial_status = State of split packages
scenario-initial_status_hint = The code of a state; empty: Waiting (100).
scenario-when = For which orders
scenario-on_channel = Channel
scenario-on_shipping = Shipping option
scenario-on_payment = Payment option
scenario-on_customer_type = Customer type
scenario-any = any
scenario-one_of = one of these
scenario-query = a condition
scenario-values = Values, between commas
scenario-rules = Rules
scenario-rules_about = Tried in order; each gets what those before it could not place. Drag to reorder.
scenario-add_rule = Add a rule
scenario-rule_n = Rule { $a }
scenario-rule_name = Name
scenario-products = Divides the order
scenario-mode_all_from_one = not: one location packs all
scenario-mode_whole_lines = by lines
scenario-mode_units = by units
scenario-transferable = bring what is missing by transfer
scenario-rule_when = Runs when
scenario-always = always
scenario-all_hold = all of these hold
scenario-any_holds = any of these holds
scenario-as_json = as JSON
scenario-condition = Condition
scenario-field = Field
scenario-op = Comparison
scenario-value = Value
scenario-op_eq = is
scenario-op_ne = is not
scenario-op_in = is one of
scenario-op_lt = less than
scenario-op_lte = at most
scenario-op_gt = more than
scenario-op_gte = at least
scenario-op_contains = contains
scenario-op_exists = is there
scenario-filters = Which locations
scenario-filter_of = Filter of rule { $a }
scenario-limit_of = Value of the filter of rule { $a }
scenario-filter_locations = only these codes
scenario-filter_except_locations = not these codes
scenario-filter_location_type = of the type (store, warehouse)
scenario-filter_same_area = in the customer’s area (country, city, township, district)
scenario-filter_select_by_quota = with a free slot of its quota
scenario-filter_tags = with one of the tags
scenario-filter_flags = with all of the properties
scenario-filter_max_distance = at most so many metres away
scenario-filter_open = open now
scenario-filter_before_cut_off = so many minutes before its cut-off
scenario-filter_packaging_time = packs within so many minutes
scenario-filter_exit_time = hands over within so many minutes
scenario-sort = Who comes first
scenario-sort_of = Sort key of rule { $a }
scenario-order_of = Direction of the sort key of rule { $a }
scenario-sort_distance = distance
scenario-sort_priority = priority
scenario-sort_stock = stock
scenario-sort_coverage = how much of the order it can fill
scenario-sort_density = open packages
scenario-sort_packaging_time = packing time
scenario-sort_exit_time = hand-over time
scenario-asc = least first
scenario-desc = most first
scenario-more = Limits
scenario-max_packages = Packages an order may have
scenario-min_units_per_extra_package = Least units of a further package
scenario-min_value_per_extra_package = Least value of a further package, minor units
scenario-keep_together = Keep lines together by
scenario-up = Move rule { $a } up
scenario-down = Move rule { $a } down
scenario-remove_rule = Remove rule { $a }
scenario-save_draft = Save draft
scenario-save_hint = Nothing is planned by a draft until it is published.
scenario-has_draft = This is a draft by { $a }, { $b }.
scenario-lint = What the linter says
scenario-lint_clean = the linter finds nothing
scenario-lint_error = error
scenario-lint_warning = warning
scenario-unmatched = { $a } of the latest { $b } orders would be taken by no scenario: { $c }
scenario-publish = Publish
scenario-force = publish in spite of the errors
scenario-comment = What changed
scenario-drop = Throw the draft away
scenario-drop_ask = Throw the draft away?
scenario-versions = Versions
scenario-version = Version
scenario-version_n = version { $a }
scenario-changed = Changed
scenario-current = current
scenario-back = Go back to this
scenario-back_ask = Make version { $a } the next version?
scenario-preview = Preview
scenario-preview_of = Preview of { $a }
scenario-preview_sum = { $a } of the latest { $b } orders would come out differently.
scenario-preview_none = It took no order yet; there is nothing to plan again.
scenario-path = The way orders would take
scenario-units = { $a ->
    [one] { $a } unit
   *[other] { $a } units
}
scenario-was = As it was
scenario-would_be = As it would be

## What the hub told
hub-became = What became of it
hub-became_imported = taken
hub-became_filtered = not wanted
hub-became_rejected = not taken
hub-reason = Why
hub-tries = Tries
hub-next_try = Next try
hub-seen = Seen
hub-act = What you can do
hub-again = Try again
hub-view_rejected = Not taken
hub-orders_empty = No order of the hub is known yet. Each order the hub tells of stands here with what became of it.
hub-what = What changed
hub-what_contact = name or address
hub-what_lines = lines
hub-what_prices = prices
hub-what_cancelled = cancelled at the hub
hub-what_unreadable = could not be read
hub-what_cancellation = cancellation taken back
hub-detail = Here and there
hub-see = Show
hub-changed = Changed at the hub
hub-open = not applied
hub-closed = dealt with
hub-closed_by = Dealt with by
hub-close = Dealt with
hub-view_open = Not applied
hub-changes_empty = Every change at the hub is applied here. One that cannot be, such as a new address of a packed order, would wait here for you.
hub-webhooks = Webhooks at the hub
hub-webhooks_about = Everything the hub tells of orders, cancellations and stores, and to whom. The set-up registers ours; what another system takes over is switched off here.
hub-webhooks_none = The hub has no webhook. The set-up registers those of OMNITRON_WEBHOOKS.
hub-webhooks_unreadable = { $a } records of the hub could not be read and are not shown.
hub-webhook_of = Belongs to
hub-webhook_ours = this system
hub-webhook_others = another system
hub-webhook_on = active
hub-webhook_off = switched off
hub-webhook_on_do = Switch on
hub-webhook_off_do = Switch off
hub-webhook_ask = Change { $a } to { $b } at the hub?

## Background work
job-of = About
job-error = What went wrong last
job-due = Not before
job-drop = Give up
job-view_dead = Failed
job-kind_fetch = fetch from the hub
job-kind_plan = plan an order
job-kind_replan = plan a package again
job-kind_cancel = decide on a cancellation
job-kind_bulk = bulk action

# ---- Webhooks ----------------------------------------------------------------------------------
hook-hooks = Webhooks
hook-new = New webhook
hook-empty = No webhook. Make one for other software that is to be told of changes.
hook-types = Told of
hook-waiting = Waiting
hook-given_up = Given up
hook-passive = passive
hook-not_told = nothing sent yet
hook-secret = Secret, for signatures
hook-secret_about = A secret that is changed signs for a day beside the new one. Without one, deliveries are not signed.
hook-retry = When a delivery fails
hook-pauses = Pauses between tries
hook-retry_exponential = twice as long each time
hook-retry_linear = longer by the first each time
hook-retry_fixed = always the same
hook-retry_random = anything between shortest and longest
hook-base = First pause, in seconds
hook-max = Longest pause, in seconds
hook-attempts = Tries in all, at most 20
hook-timeout = Longest wait for an answer, in milliseconds
hook-concurrency = Deliveries at once
hook-headers = Additional headers (JSON)
hook-callback = Callback (JSON)
hook-remove = Remove this webhook
hook-remove_ask = Remove this webhook with all of its deliveries?
hook-paused_about = { $a } deliveries in a row failed. Nothing is sent until { $b }; then one finds out whether the receiver is back. Nothing is lost.
hook-of_order = Orders
hook-of_package = Packages
hook-of_transfer = Transfers
hook-of_shipment = Shipments
hook-of_stock_location = Locations
hook-all = All of them
hook-event = Event
hook-type = Type of event
hook-uuid = Id of the event
hook-hook = Webhook
hook-made = Made
hook-seq = Change of the record
hook-again = Send again
hook-try_now = Send a test
hook-try_about = Sends the newest record that this webhook would be told of, and shows what its receiver answers.
hook-again_all = Send all given up again
hook-again_ask = Send everything that was given up again, up to 10,000 deliveries?
hook-last_tries = The last tries, in milliseconds
hook-failed = failed
hook-sent = What is sent
hook-no_answer = no answer
hook-try = try { $a }, { $b } ms
hook-state_waiting = waiting
hook-state_delivered = delivered
hook-state_given_up = given up
hook-view_given_up = Given up
hook-events_none = No delivery. They are made when something changes that a webhook is told of.

carrier-companies = Cargo companies
carrier-new = New cargo company
carrier-none = No cargo company. Until there is one, packages are shipped by hand with their tracking number.
carrier-erp_code = ERP code
carrier-company = Company
carrier-priority = Order
carrier-priority_about = Of several companies that apply, the one with the lower number is taken.
carrier-demo = demo
carrier-demo_named = Demo { $a }
carrier-managed = This system manages its shipments
carrier-managed_on = managed here
carrier-managed_off = by hand
carrier-credentials = Credentials
carrier-credentials_about = Not needed for a demo.
carrier-conf_username = User name
carrier-conf_password = Password
carrier-conf_create_shipment_url = Address where shipments are made
carrier-conf_query_shipment_url = Address where shipments are asked for
carrier-conf_company_description = Description of the sender
carrier-conf_name = Name of the sender
carrier-conf_address = Address of the sender
carrier-conf_credentials_identifier = Which account of the service
carrier-demo_AlwaysDelivered = takes every parcel and delivers it
carrier-demo_DeliveryFails = does not find the customer
carrier-demo_AttemptThenDelivered = delivers at the second attempt
carrier-demo_SlowTracking = delivers and tells of it late
carrier-demo_CreateRejected = refuses every parcel
carrier-demo_LabelLater = prints the label later
carrier-demo_Garbage = answers what nobody can read
carrier-remove = Remove this cargo company
carrier-remove_ask = Remove this cargo company with its conditions?
