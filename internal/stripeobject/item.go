package stripeobject

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// items reads a subscription's items: a list object, or the bare array that
// world files may use. told is false when there are none to speak of.
func (w *walker) items() (items []rightful.Item, told bool, err error) {
	switch w.dec.PeekKind() {
	case 'n':
		return nil, false, w.dec.SkipValue()
	case '[':
		items, err = w.itemArray()
		return items, len(items) > 0, within("items", err)
	}
	err = w.each("items", func(name []byte) error {
		if string(name) != "data" {
			return w.dec.SkipValue()
		}
		if w.dec.PeekKind() != '[' {
			return w.wrong("data", "want an array")
		}
		items, err = w.itemArray()
		return err
	})
	return items, len(items) > 0, err
}

func (w *walker) itemArray() ([]rightful.Item, error) {
	if _, err := w.dec.ReadToken(); err != nil {
		return nil, err
	}
	var items []rightful.Item
	for w.dec.PeekKind() != ']' {
		item, err := w.item()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := w.dec.ReadToken()
	return items, err
}

// item reads one item: its price, or its plan where there is no price.
func (w *walker) item() (rightful.Item, error) {
	if err := w.open("(item)"); err != nil {
		return rightful.Item{}, err
	}
	var price, plan rightful.Item
	var hasPrice bool
	quantity := int64(1)
	for {
		name, err := w.next()
		if err != nil {
			return rightful.Item{}, err
		}
		if name == nil {
			break
		}
		switch string(name) {
		case "price":
			price, hasPrice, err = w.price("price")
		case "plan":
			plan, _, err = w.price("plan")
		case "quantity":
			quantity, err = w.quantity("quantity")
		default:
			err = w.dec.SkipValue()
		}
		if err != nil {
			return rightful.Item{}, err
		}
	}
	if !hasPrice {
		price = plan
	}
	price.Quantity = quantity
	return price, nil
}

// quantity reads a quantity; metered prices have none, which counts as one.
func (w *walker) quantity(field string) (int64, error) {
	n, told, err := w.whole(field)
	if !told {
		n = 1
	}
	return n, err
}

// price reads a price or a legacy plan, as an object or an id; told is false
// for null. The two differ in names: unit_amount and recurring on a price,
// amount and interval on a plan.
func (w *walker) price(field string) (item rightful.Item, told bool, err error) {
	if w.dec.PeekKind() != '{' {
		item.PriceID, err = w.text(field)
		return item, item.PriceID != "", err
	}
	var rounded int64
	var hasWhole bool
	err = w.each(field, func(name []byte) error {
		var err error
		switch string(name) {
		case "id":
			item.PriceID, err = w.text("id")
		case "product":
			item.ProductID, err = w.reference("product")
		case "unit_amount", "amount":
			item.UnitAmount, hasWhole, err = w.whole("unit_amount")
		case "unit_amount_decimal", "amount_decimal":
			rounded, err = w.decimal("unit_amount_decimal")
		case "currency":
			item.Currency, err = w.text("currency")
		case "recurring":
			err = w.recurring(&item)
		case "interval":
			item.Interval, err = w.text("interval")
		case "interval_count":
			item.IntervalCount, _, err = w.whole("interval_count")
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
	if !hasWhole {
		item.UnitAmount = rounded
	}
	return item, true, err
}

func (w *walker) recurring(item *rightful.Item) error {
	return w.each("recurring", func(name []byte) (err error) {
		switch string(name) {
		case "interval":
			item.Interval, err = w.text("interval")
		case "interval_count":
			item.IntervalCount, _, err = w.whole("interval_count")
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
}

// decimal reads an amount in minor units with up to twelve decimals, which
// Stripe sends as a string, rounded half away from zero.
func (w *walker) decimal(field string) (int64, error) {
	var text string
	if w.dec.PeekKind() == '0' {
		var v jsontext.Value
		v, err := w.dec.ReadValue()
		if err != nil {
			return 0, err
		}
		text = string(v)
	} else {
		var err error
		if text, err = w.text(field); err != nil || text == "" {
			return 0, err
		}
	}
	n, ok := roundDecimal(text)
	if !ok {
		return 0, &fieldError{field, "want a decimal number"}
	}
	return n, nil
}

// roundDecimal is exact: amounts do not pass through a float.
func roundDecimal(text string) (int64, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return 0, false
	}
	if fraction == "" || fraction[0] < '5' {
		return n, true
	}
	if strings.HasPrefix(whole, "-") {
		return n - 1, true
	}
	return n + 1, true
}
